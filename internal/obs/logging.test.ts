import { expect, it } from "vitest";
import { parsePair } from "../canonical/pair.ts";
import { requestTimedOut } from "./api-events.ts";
import { logApiEvents } from "./api-logging.ts";
import { targetDone } from "./events.ts";
import { createLogger, logAggregatorEvents } from "./logging.ts";

it("of failures of a kind, logs the first, and how many there were a minute later", () => {
  let now = 0;
  const lines: string[] = [];
  const log = createLogger("info", "test", { write: (line) => lines.push(line) });
  const feeds = [logAggregatorEvents(log, () => now), logApiEvents(log, () => now)];
  const fail = (reason: string, to = 0n): void =>
    targetDone.publish({
      pair: parsePair("XLM/USD"),
      windowSeconds: 60,
      to,
      outcome: "error",
      value: null,
      dropped: { class: 0, outlier: 0 },
      usdVolumeKnown: true,
      lastTrade: null,
      error: new Error(reason),
    });
  for (let target = 0; target < 3_000; target++) fail("OOM command not allowed");
  for (let target = 0; target < 1_000; target++) fail(`nothing from 2026-01-01T00:00:${target}Z on`, 1n);
  for (let times = 0; times < 50; times++) requestTimedOut.publish({ route: "/v1/twap", error: new Error("late") });
  expect(lines.map((line) => JSON.parse(line).reason)).toEqual([
    "OOM command not allowed",
    "nothing from 2026-01-01T00:00:0Z on",
    "late",
  ]);
  now += 59;
  fail("OOM command not allowed");
  expect(lines).toHaveLength(3);
  now += 1;
  fail("OOM command not allowed");
  expect(JSON.parse(lines[3] ?? "")).toMatchObject({ pair: "crypto:XLM/fiat:USD", repeated: 3_000 });
  for (const feed of feeds) feed.stop();
});
