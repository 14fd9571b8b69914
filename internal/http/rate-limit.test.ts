import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listenTo } from "../api/v1/api.testing.ts";
import { openSharedCounts } from "../cache/redis/shared-counts.ts";
import { deleteTestKeys, plainClient, testKeyPrefix, testRedisUrl } from "../cache/redis/store.testing.ts";
import type { SharedCounts } from "../cache/shared-counts.ts";
import { stopwatch } from "../lib/clock.ts";
import { rateLimitsShared } from "./events.ts";
import { makeRateLimiter, type RateLimiter, WINDOW_SECONDS } from "./rate-limit.ts";

function allowed(limiter: RateLimiter, client: string, limit: number, times: number): number {
  return Array.from({ length: times }, () => limiter.take(client, limit)).filter(({ isAllowed }) => isAllowed).length;
}

describe("in one process", () => {
  test("Retry-After never exceeds the window, whatever the clock shows", () => {
    for (let tick = 0; tick < 1_000; tick++) {
      const limiter = makeRateLimiter(() => tick * 0.0137, null);
      expect([tick, limiter.take("a", 3).resetSeconds]).toEqual([tick, 60]);
    }
  });

  test("a client may use its limit within a window, and again in the next one", () => {
    let now = 1000;
    const limiter = makeRateLimiter(() => now, null);
    expect(limiter.take("a", 3)).toEqual({ isAllowed: true, remaining: 2, resetSeconds: 60 });
    now += 20.5;
    expect(limiter.take("a", 3)).toEqual({ isAllowed: true, remaining: 1, resetSeconds: 40 });
    expect(allowed(limiter, "a", 3, 10)).toBe(1);
    expect(limiter.take("a", 3)).toEqual({ isAllowed: false, remaining: 0, resetSeconds: 40 });
    expect(allowed(limiter, "b", 3, 10)).toBe(3);
    now += 39.4;
    expect(limiter.take("a", 3)).toMatchObject({ isAllowed: false, resetSeconds: 1 });
    now += 0.2;
    expect(allowed(limiter, "a", 3, 10)).toBe(3);
  });

  test("the first of very many clients are evicted", () => {
    const limiter = makeRateLimiter(() => 0, null);
    limiter.take("first", 1);
    for (let client = 0; client < 99_999; client++) limiter.take(String(client), 1);
    expect(limiter.take("first", 1).isAllowed).toBe(false);
    limiter.take("one more", 1);
    expect(limiter.take("first", 1).isAllowed).toBe(true);
  });
});

const url = await testRedisUrl();
const prefix = testKeyPrefix();
const open: SharedCounts[] = [];

function counts(redisUrl = url ?? ""): SharedCounts {
  const shared = openSharedCounts({ url: redisUrl, key_prefix: prefix }, WINDOW_SECONDS);
  open.push(shared);
  return shared;
}

afterAll(async () => {
  for (const shared of open) await shared.close();
  if (url !== null) await deleteTestKeys(url, prefix);
});

describe.skipIf(url === null)("in several processes", () => {
  let one: RateLimiter;
  let other: RateLimiter;
  beforeAll(() => {
    one = makeRateLimiter(stopwatch, counts());
    other = makeRateLimiter(stopwatch, counts());
  });

  async function inRedis(client: string): Promise<number> {
    const redis = plainClient(url ?? "");
    await redis.connect();
    const count = await redis.get(`${prefix}rate:${client}`);
    redis.disconnect();
    return Number(count);
  }

  test("requests that one process admits count in the other", async () => {
    expect(allowed(one, "a", 10, 4)).toBe(4);
    await expect.poll(() => inRedis("a")).toBe(4);
    expect(allowed(other, "a", 10, 3)).toBe(3);
    await expect.poll(() => other.take("a", 10).remaining, { interval: 300 }).toBeLessThan(5);
    await expect.poll(() => one.take("a", 10).isAllowed, { interval: 50 }).toBe(false);
    await expect.poll(() => other.take("a", 10).isAllowed, { interval: 50 }).toBe(false);
    // At most the limit, plus what each process admitted before it heard of the other.
    expect(await inRedis("a")).toBeLessThanOrEqual(12);
  });

  test("refused requests do not reach Redis, and its keys expire with the window", async () => {
    expect(allowed(one, "b", 5, 1_000)).toBe(5);
    await expect.poll(() => inRedis("b")).toBe(5);
    allowed(one, "b", 5, 1_000);
    one.take("told with the next", 5);
    await expect.poll(() => inRedis("told with the next")).toBe(1);
    expect(await inRedis("b")).toBe(5);
    const redis = plainClient(url ?? "");
    await redis.connect();
    const remaining = await redis.ttl(`${prefix}rate:b`);
    redis.disconnect();
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThanOrEqual(WINDOW_SECONDS);
  });
});

test("without Redis each process counts alone, and no request waits or fails", async () => {
  const heard = listenTo(rateLimitsShared);
  const limiter = makeRateLimiter(stopwatch, counts("redis://:secret@127.0.0.1:1"));
  expect(allowed(limiter, "a", 10, 20)).toBe(10);
  await expect
    .poll(() => heard.events, { timeout: 10_000 })
    .toMatchObject([{ isShared: false, error: { message: expect.stringContaining("127.0.0.1:1") } }]);
  expect(heard.events[0]?.error?.message).not.toContain("secret");
  expect(allowed(limiter, "a", 10, 20)).toBe(0);
  heard.stop();
});
