import type { SharedCounts } from "../cache/shared-counts.ts";
import { asError } from "../lib/as-error.ts";
import { setBounded } from "../lib/bounded-map.ts";
import { rateLimitsShared } from "./events.ts";

/** The length of a client's window, which begins with its first request. */
export const WINDOW_SECONDS = 60;
/** The most clients in memory; a new one evicts the oldest. */
const MAX_CLIENTS = 100_000;
/** How often counts are exchanged with other processes. */
const SYNC_INTERVAL_MS = 100;

export interface Allowance {
  readonly isAllowed: boolean;
  readonly remaining: number;
  /** Whole seconds until the window ends. */
  readonly resetSeconds: number;
}

/** Counts requests per client. */
export interface RateLimiter {
  /** Counts a request of a client that may make `limit` requests per window; a refused request is not counted. */
  take(client: string, limit: number): Allowance;
}

interface Window {
  count: number;
  until: number;
}

/**
 * Returns a limiter that counts in this process and exchanges the counts with other processes in the background, so
 * that no request waits for Redis or fails with it. A client may exceed its limit by what it sends to several processes
 * within one exchange interval; while Redis is unavailable, it has its full limit in each process.
 * @param stopwatch a monotonic clock, in seconds
 * @param shared null where there is one process only
 */
export function makeRateLimiter(stopwatch: () => number, shared: SharedCounts | null): RateLimiter {
  const windows = new Map<string, Window>();
  let pending = new Map<string, number>();
  let isScheduled = false;
  let isShared: boolean | null = null;

  function scheduleSync(counts: SharedCounts): void {
    if (isScheduled) return;
    isScheduled = true;
    setTimeout(() => void sync(counts), SYNC_INTERVAL_MS).unref();
  }

  async function sync(counts: SharedCounts): Promise<void> {
    const sent = pending;
    pending = new Map();
    try {
      for (const { key, count, remainingSeconds } of await counts.add(sent)) {
        const window = windows.get(key);
        if (window === undefined) continue;
        window.count = count + (pending.get(key) ?? 0);
        window.until = stopwatch() + remainingSeconds;
      }
      setShared(true, null);
    } catch (error) {
      // Counts that could not be sent are dropped: by the next success, their window would be over.
      setShared(false, asError(error));
    }
    isScheduled = false;
    if (pending.size > 0) scheduleSync(counts);
  }

  function setShared(now: boolean, error: Error | null): void {
    if (isShared !== now) rateLimitsShared.publish({ isShared: now, error });
    isShared = now;
  }

  return {
    take(client, limit) {
      const now = stopwatch();
      let window = windows.get(client);
      if (window === undefined || window.until <= now) {
        window = { count: 0, until: now + WINDOW_SECONDS };
        setBounded(windows, client, window, MAX_CLIENTS);
      }
      const isAllowed = window.count < limit;
      if (isAllowed) {
        window.count++;
        if (shared !== null) {
          setBounded(pending, client, (pending.get(client) ?? 0) + 1, MAX_CLIENTS);
          scheduleSync(shared);
        }
      }
      const remaining = Math.max(0, limit - window.count);
      return { isAllowed, remaining, resetSeconds: wholeSeconds(window.until - now) };
    },
  };
}

/** Rounds up, to at most a window: in floating point, (now + 60) − now can be slightly above 60. */
function wholeSeconds(left: number): number {
  return Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(left)));
}
