import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits until one more may start, so that at most `limit` do in any `windowMs`. Who gives up waiting takes no place.
 * @throws Error where the signal aborts
 */
export type RateLimit = (signal: AbortSignal) => Promise<void>;

export function createRateLimit(limit: number, windowMs: number): RateLimit {
  const starts: number[] = [];
  return async (signal) => {
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      const inTheWay = starts.at(-limit);
      if (inTheWay === undefined || inTheWay + windowMs <= now) {
        starts.push(now);
        if (starts.length > limit) starts.shift();
        return;
      }
      await sleep(inTheWay + windowMs - now, undefined, { signal });
    }
  };
}
