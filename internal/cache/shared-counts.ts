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
 * Connects in the background; a Redis that is not there yet shows in the calls. Nobody waits for them, so that nothing
 * needs to leave Redis alone.
 * @throws InputError where the URL is no Redis URL
 */
export async function openSharedCounts(
  { url, key_prefix }: { readonly url: string; readonly key_prefix: string },
  windowSeconds: number,
): Promise<SharedCounts> {
  const connection = connectRedis(url, NO_GUARD);
  // Loaded where it is needed only: few configurations have limits.
  const { RateLimiterRedis } = await import("rate-limiter-flexible");
  const counter = new RateLimiterRedis({
    storeClient: connection.client,
    keyPrefix: `${key_prefix}rate`,
    // It counts, and leaves it to the caller what is too much.
    points: 1,
    duration: windowSeconds,
    rejectIfRedisNotReady: true,
  });
  return {
    add: (counts) =>
      connection.run(() =>
        Promise.all(
          [...counts].map(async ([key, count]) => {
            const { consumedPoints, msBeforeNext } = await counter.penalty(key, count);
            return { key, count: consumedPoints, remainingSeconds: msBeforeNext / 1000 };
          }),
        ),
      ),
    close: () => connection.close(),
  };
}
