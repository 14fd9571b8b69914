import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits until another call may start. An aborted wait does not count as a start.
 * @throws Error where the signal aborts
 */
export type RateLimit = (signal: AbortSignal) => Promise<void>;

/** Makes a rate limiter (sliding window log): at most `limit` calls start in any period of `windowMs`. */
export function createRateLimit(limit: number, windowMs: number): RateLimit {
  const starts: number[] = [];
  return async (signal) => {
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      const blocking = starts.at(-limit);
      if (blocking === undefined || blocking + windowMs <= now) {
        starts.push(now);
        if (starts.length > limit) starts.shift();
        return;
      }
      await sleep(blocking + windowMs - now, undefined, { signal });
    }
  };
}
