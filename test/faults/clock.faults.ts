import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import { expectRecovered, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, INTERVAL_SECONDS, makeWorld, type World } from "./world.ts";

const LIBRARY = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
].find((path) => existsSync(path));
if (LIBRARY === undefined)
  console.warn("left out: a clock that jumps, because there is no libfaketime (Debian: faketime)");

const JUMPS = [
  ["forward by an hour", 3_600],
  ["back by an hour", -3_600],
  ["forward by a few seconds", 7],
  ["back by a few seconds", -7],
] as const;

describe.skipIf(LIBRARY === undefined || !canMakeWorld("a clock that jumps"))("the aggregator's clock", () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-clock-"));
  const file = join(directory, "offset");
  const setOffset = (seconds: number): void => writeFileSync(file, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  let world: World;
  beforeAll(async () => {
    setOffset(0);
    // A window of two hours contains trades at all of these times.
    world = await makeWorld({ aggregators: 0, environment: { STELLARINDEX_AGGREGATE_WINDOWS: "10s,1m,2h" } });
    await world.startAggregator({
      LD_PRELOAD: LIBRARY as string,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    });
  });
  afterAll(async () => {
    await world?.end();
    rmSync(directory, { recursive: true });
  });

  it("publishes every boundary without a fault", () => expectRecovered(world, nowMicros()));

  it.each(JUMPS)("recovers after it jumps %s and back", async (_what, seconds) => {
    const faultEnd = await fault(async () => {
      setOffset(seconds);
      await pause(2_500 * INTERVAL_SECONDS);
      setOffset(0);
      // Waits for the current tick to end.
      await pause(500);
    });
    await expectRecovered(world, faultEnd, world.aggregators[0]?.lines.length);
  });
});
