import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, it } from "vitest";
import { seconds } from "../../internal/canonical/time.ts";
import { expectRecovered, fault, inTick, nowMicros } from "./recovery.ts";
import type { Wire } from "./wire.ts";
import { makeWorld, type World } from "./world.ts";

/** Longer than a tick takes to come by. */
const OUTAGE_MS = 2_500;

/**
 * Everything that is done to one of the wires of a world.
 * @param noticedAfterSeconds how long a connection that died without a word may go unnoticed
 */
export function testWire(name: "databaseWire" | "redisWire", noticedAfterSeconds: number): void {
  let world: World;
  const wire = (): Wire => world[name];
  beforeAll(async () => {
    world = await makeWorld({});
  });
  afterAll(() => world?.end());

  it("undisturbed", () => expectRecovered(world, nowMicros()));

  it("delays", async () => {
    const cured = await fault(async () => {
      wire().delay(150);
      await pause(2 * OUTAGE_MS);
      wire().pass();
    });
    await expectRecovered(world, cured);
  });

  it("cuts in a tick", async () => {
    await expectRecovered(world, await fault(() => inTick(world, async () => wire().cut())));
  });

  it("cuts again and again", async () => {
    const cured = await fault(async () => {
      for (let cut = 0; cut < 20; cut++) {
        wire().cut();
        await pause(OUTAGE_MS / 20);
      }
    });
    await expectRecovered(world, cured);
  });

  it.each(["client", "server"] as const)("half-closes towards the %s", async (end) => {
    const cured = await fault(async () => {
      await inTick(world, async () => wire().halfClose(end));
      await pause(OUTAGE_MS / 5);
      wire().halfClose(end);
    });
    await expectRecovered(world, cured);
  });

  it("swallows everything, then resets", async () => {
    const cured = await fault(async () => {
      wire().swallow();
      await pause(OUTAGE_MS);
      wire().pass();
      wire().cut();
    });
    await expectRecovered(world, cured);
  });

  it("forgets its connections", async () => {
    const forgotten = await fault(async () => wire().forget());
    await expectRecovered(world, forgotten + seconds(noticedAfterSeconds));
  });
}
