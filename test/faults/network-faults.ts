import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, it } from "vitest";
import { seconds } from "../../internal/canonical/time.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import { expectRecovered, fault, inTick, nowMicros } from "./recovery.ts";
import { makeWorld, type World } from "./world.ts";

/** Longer than the interval of ticks. */
const OUTAGE_MS = 2_500;

/**
 * Defines tests with every network fault on one of the proxies of a deployment.
 * @param noticedAfterSeconds the maximum time until a connection that died silently is detected
 */
export function testNetworkFaults(name: "databaseProxy" | "redisProxy", noticedAfterSeconds: number): void {
  let world: World;
  const proxy = (): FaultProxy => world[name];
  beforeAll(async () => {
    world = await makeWorld({});
  });
  afterAll(() => world?.end());

  it("without a fault", () => expectRecovered(world, nowMicros()));

  it("delays of all data", async () => {
    const faultEnd = await fault(async () => {
      proxy().delay(150);
      await pause(2 * OUTAGE_MS);
      proxy().restore();
    });
    await expectRecovered(world, faultEnd);
  });

  it("connections cut during a tick", async () => {
    await expectRecovered(world, await fault(() => inTick(world, async () => proxy().cut())));
  });

  it("connections cut repeatedly", async () => {
    const faultEnd = await fault(async () => {
      for (let cut = 0; cut < 20; cut++) {
        proxy().cut();
        await pause(OUTAGE_MS / 20);
      }
    });
    await expectRecovered(world, faultEnd);
  });

  it.each(["client", "server"] as const)("connections half-closed towards the %s", async (end) => {
    const faultEnd = await fault(async () => {
      await inTick(world, async () => proxy().halfClose(end));
      await pause(OUTAGE_MS / 5);
      proxy().halfClose(end);
    });
    await expectRecovered(world, faultEnd);
  });

  it("all data dropped, then connections reset", async () => {
    const faultEnd = await fault(async () => {
      proxy().blackhole();
      await pause(OUTAGE_MS);
      proxy().restore();
      proxy().cut();
    });
    await expectRecovered(world, faultEnd);
  });

  it("connections that die silently", async () => {
    const blackholed = await fault(async () => proxy().blackholeConnections());
    await expectRecovered(world, blackholed + seconds(noticedAfterSeconds));
  });
}
