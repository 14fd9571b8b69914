import { expect, it } from "vitest";
import { targetDone } from "../internal/aggregator/events.ts";
import { logAggregatorEvents } from "../internal/aggregator/log.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import { requestTimedOut } from "../internal/http/events.ts";
import { logRequests } from "../internal/http/log.ts";
import { createLogger } from "../internal/obs/logger.ts";

it("repeated failures of a kind are logged once, and counted in a line a minute later", () => {
  let now = 0;
  const lines: string[] = [];
  const log = createLogger("info", "test", { write: (line) => lines.push(line) });
  const feeds = [logAggregatorEvents(log, () => now), logRequests(log, () => now)];
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
  for (let times = 0; times < 50; times++)
    requestTimedOut.publish({ server: "api", route: "/v1/twap", error: new Error("late") });
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
