import { expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { createLogger } from "../obs/logger.ts";
import type { DivergenceFailure } from "./events.ts";
import { makeReferenceLog } from "./log.ts";

const down = (reference: string): DivergenceFailure => ({ reference, failure: "unreachable", reason: "HTTP 401" });

/** A log, and a function that publishes a check of a pair. */
function world(level: "info" | "warn" = "info") {
  const lines: string[] = [];
  const write = (line: string): void => {
    const { level, msg, reference, failure, reason, pair } = JSON.parse(line);
    lines.push([level, reference, failure, reason, pair, msg].filter((each) => each !== undefined).join(" "));
  };
  const tell = makeReferenceLog(createLogger(level, "test", { write }));
  const check = (pair: string, ...failures: DivergenceFailure[]): void =>
    tell({ pair: parsePair(pair), outcome: failures.length > 0 ? "refresh_error" : "ok", divergence: null, failures });
  return { lines, check, tell };
}

it("logs once why a reference has no price, however many pairs and checks are affected, and once its recovery", () => {
  const { lines, check, tell } = world();
  const pairs = Array.from({ length: 1000 }, (_, index) => `A${index}/USD`);
  for (let round = 0; round < 3; round++) for (const pair of pairs) check(pair, down("coingecko"));
  expect(lines).toEqual([
    "warn coingecko unreachable HTTP 401 crypto:A0/fiat:USD reference gives no price; further pairs are not logged",
  ]);
  for (const pair of pairs.slice(1)) check(pair);
  // For a pair without a published price no reference was queried.
  tell({ pair: parsePair("A0/USD"), outcome: "no_vwap", divergence: null, failures: [] });
  expect(lines).toHaveLength(1);
  check("A0/USD");
  expect(lines.slice(1)).toEqual(["info coingecko unreachable reference recovered"]);
  check("A0/USD", down("coingecko"));
  expect(lines).toHaveLength(3);
});

it("logs each reference and kind of failure separately", () => {
  const { lines, check } = world("warn");
  check("XLM/USD", down("coingecko"), down("chainlink"));
  check("XLM/USD", down("chainlink"), { reference: "coingecko", failure: "stale", reason: "its price is too old" });
  expect(lines.map((line) => line.split(" ").slice(1, 3).join(" "))).toEqual([
    "coingecko unreachable",
    "chainlink unreachable",
    "coingecko stale",
  ]);
});
