import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { askVwap } from "./client.ts";
import { expectRecovered, fault, nowMicros } from "./recovery.ts";
import { canMakeWorld, makeWorld, type World } from "./world.ts";

const PUBLISHED = "pair=XLM/USD&window=10s";
const COMPUTED = "pair=XLM/USD&window=11s";
const TIMEOUT = { timeout: 30_000, interval: 200 };

describe.skipIf(!canMakeWorld("the API without what it answers from"))("the API answers", () => {
  let world: World;
  let base: string;
  beforeAll(async () => {
    world = await makeWorld({});
    base = world.api?.base ?? "";
  });
  afterAll(() => world?.end());

  it("without a fault", () => expectRecovered(world, nowMicros()));

  it("from Redis while the database is down, flagged once stale, and with 503 without a stored value", async () => {
    const faultEnd = await fault(async () => {
      await world.postgres.stop("immediate");
      expect(await askVwap(base, PUBLISHED)).toMatchObject({ status: 200 });
      await vi.waitUntil(async () => (await askVwap(base, PUBLISHED)).stale, TIMEOUT);
      expect(await askVwap(base, COMPUTED)).toMatchObject(unavailable());
      await world.postgres.start();
    });
    await expectRecovered(world, faultEnd);
  });

  it("from the database while Redis is down, without being stale", async () => {
    const faultEnd = await fault(async () => {
      await world.redis.kill();
      await vi.waitUntil(async () => (await askVwap(base, COMPUTED)).status === 200, TIMEOUT);
      const before = Date.now();
      await vi.waitUntil(async () => isFreshSince(before, await askVwap(base, PUBLISHED)), TIMEOUT);
      await world.redis.start();
    });
    await expectRecovered(world, faultEnd);
  });

  it("with 503 and Retry-After while both are down", async () => {
    const faultEnd = await fault(async () => {
      await Promise.all([world.redis.kill(), world.postgres.stop("immediate")]);
      await vi.waitUntil(async () => (await askVwap(base, PUBLISHED)).status === 503, TIMEOUT);
      expect(await askVwap(base, PUBLISHED)).toMatchObject(unavailable());
      expect(await askVwap(base, COMPUTED)).toMatchObject(unavailable());
      await Promise.all([world.redis.start(), world.postgres.start()]);
    });
    await expectRecovered(world, faultEnd);
  });
});

function unavailable() {
  return { status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/), body: expect.stringContaining("unavailable") };
}

/** A value of a bucket that has ended since, which no aggregator can have published before. */
function isFreshSince(moment: number, { status, text, stale }: Awaited<ReturnType<typeof askVwap>>): boolean {
  return status === 200 && !stale && Date.parse(JSON.parse(text ?? "{}").to) > moment;
}
