import type { RateLimiterRedis } from "rate-limiter-flexible";
import { NO_GUARD } from "../resilience/guard.ts";
import { connectRedis } from "./redis-connection.ts";

/** What a key has come to in its window. */
export interface SharedCount {
  readonly key: string;
  readonly count: number;
  /** How long its window still is. */
  readonly remainingSeconds: number;
}

/** Counts of keys, each in a window that begins with its first count, for all processes with the same Redis. */
export interface SharedCounts {
  /**
   * Adds to the counts; gives what they have come to.
   * @throws Error where Redis does not answer within seconds
   */
  add(counts: ReadonlyMap<string, number>): Promise<SharedCount[]>;
  close(): Promise<void>;
}

/**
 * Connects in the background once there is something to count; a Redis that is not there shows in the calls. Nobody waits
 * for them, so that nothing needs to leave Redis alone.
 * @throws InputError where the URL is no Redis URL
 */
export function openSharedCounts(
  { url, key_prefix }: { readonly url: string; readonly key_prefix: string },
  windowSeconds: number,
): SharedCounts {
  const connection = connectRedis(url, NO_GUARD, { lazyConnect: true });
  let counter: Promise<RateLimiterRedis> | undefined;

  async function makeCounter(): Promise<RateLimiterRedis> {
    // Loaded where it is needed: few configurations have limits.
    const library = await import("rate-limiter-flexible");
    return new library.RateLimiterRedis({
      storeClient: connection.client,
      keyPrefix: `${key_prefix}rate`,
      // It counts, and leaves it to the caller what is too much.
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
