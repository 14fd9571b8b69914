import type { RateLimiterRedis } from "rate-limiter-flexible";
import { NO_CIRCUIT_BREAKER } from "../../lib/circuit-breaker.ts";
import type { SharedCounts } from "../shared-counts.ts";
import { connectRedis } from "./connection.ts";

/**
 * Opens shared counters. It connects in the background at the first count; while Redis is unavailable, calls fail.
 * Callers do not wait for them, so no circuit breaker is needed.
 * @throws InputError where the URL is no Redis URL
 */
export function openSharedCounts(
  { url, key_prefix }: { readonly url: string; readonly key_prefix: string },
  windowSeconds: number,
): SharedCounts {
  const connection = connectRedis(url, NO_CIRCUIT_BREAKER, { lazyConnect: true });
  let counter: Promise<RateLimiterRedis> | undefined;

  async function makeCounter(): Promise<RateLimiterRedis> {
    // Imported on demand, as few configurations have limits.
    const library = await import("rate-limiter-flexible");
    return new library.RateLimiterRedis({
      storeClient: connection.client,
      keyPrefix: `${key_prefix}rate`,
      // The library only counts; the caller enforces the limit.
      points: 1,
      duration: windowSeconds,
      rejectIfRedisNotReady: true,
    });
  }

  return {
    async add(counts) {
      counter ??= makeCounter();
      const counting = await counter;
      return connection.run(() =>
        Promise.all(
          [...counts].map(async ([key, count]) => {
            const { consumedPoints, msBeforeNext } = await counting.penalty(key, count);
            return { key, count: consumedPoints, remainingSeconds: msBeforeNext / 1000 };
          }),
        ),
      );
    },
    close: () => connection.close(),
  };
}
