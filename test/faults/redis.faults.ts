import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { vwapKey } from "../../internal/cache/keys.ts";
import { expectRecovered, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, type World } from "./world.ts";

/** Longer than the interval of ticks. */
const OUTAGE_MS = 2_500;

describe.skipIf(!canMakeWorld("faults of Redis"))("the daemons recover from a Redis that is", () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld({});
  });
  afterAll(() => world?.end());

  it("undisturbed", () => expectRecovered(world, nowMicros()));

  it("flushed", async () => {
    await expectRecovered(world, await fault(() => world.redisCommand("FLUSHALL")));
  });

  it("without its scripts", async () => {
    await expectRecovered(world, await fault(() => world.redisCommand("SCRIPT", "FLUSH")));
  });

  it("killed and started without data", async () => {
    const faultEnd = await fault(async () => {
      await world.redis.kill();
      await pause(OUTAGE_MS);
      await world.redis.start();
    });
    await expectRecovered(world, faultEnd);
  });

  it("frozen with its connections open", async () => {
    const faultEnd = await fault(async () => {
      world.redis.freeze();
      await pause(OUTAGE_MS);
      world.redis.thaw();
    });
    await expectRecovered(world, faultEnd);
  });

  it("read-only, as a replica of a server that is down", async () => {
    const faultEnd = await fault(async () => {
      await world.redisCommand("REPLICAOF", "127.0.0.1", "1");
      await pause(OUTAGE_MS);
      await world.redisCommand("REPLICAOF", "NO", "ONE");
    });
    await expectRecovered(world, faultEnd);
  });

  it("out of memory", async () => {
    const faultEnd = await fault(async () => {
      await world.redisCommand("CONFIG", "SET", "maxmemory", "1");
      await pause(OUTAGE_MS);
      await expect(world.redisCommand("SET", "some", "text")).rejects.toThrow("OOM");
      await world.redisCommand("CONFIG", "SET", "maxmemory", "0");
    });
    await expectRecovered(world, faultEnd);
  });

  it("closing every connection repeatedly", async () => {
    const faultEnd = await fault(async () => {
      for (let kill = 0; kill < 10; kill++) {
        await world.redisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        await world.redisCommand("CLIENT", "KILL", "TYPE", "pubsub");
        await pause(OUTAGE_MS / 10);
      }
    });
    await expectRecovered(world, faultEnd);
  });

  it.each([
    ["no JSON", "\u0000poison"],
    ["another type", null],
    ["a later bucket without figures", '{"to":"2999-01-01T00:00:00Z"}'],
    ["a huge text", "x".repeat(1 << 20)],
  ])("holding an invalid value: %s", async (_what, poison) => {
    const faultEnd = await fault(async () => {
      for (const { pair, windowSeconds } of world.targets) {
        const key = vwapKey(pair, windowSeconds);
        if (poison === null) {
          await world.redisCommand("DEL", key);
          await world.redisCommand("RPUSH", key, "poison");
        } else {
          world.poison.add(poison);
          await world.redisCommand("SET", key, poison);
        }
      }
    });
    await expectRecovered(world, faultEnd);
  });
});
