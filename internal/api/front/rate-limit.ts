import { setBounded } from "../../cache/bounded.ts";
import type { SharedCounts } from "../../cache/shared-counts.ts";
import { asError } from "../../canonical/as-error.ts";
import { rateLimitsShared } from "../../obs/api-events.ts";

/** The length of a client's window; it begins with the first request in it. */
export const WINDOW_SECONDS = 60;
/** Clients that are known at once; whoever was first of them goes for a new one. */
const MOST_CLIENTS = 100_000;
/** How often other processes are told. */
const SHARE_MS = 100;

export interface Allowance {
  readonly isAllowed: boolean;
  readonly remaining: number;
  /** Whole seconds until all of the limit is there again. */
  readonly resetSeconds: number;
}

/** Counts requests. */
export interface RateLimiter {
  /** Counts a request of a client that may make `limit` in its window; one that is not allowed is not counted. */
  take(client: string, limit: number): Allowance;
}

interface Window {
  count: number;
  until: number;
}

/**
 * Counts in this process, at once, and tells the counts to other processes and hears theirs a moment later: no request
 * waits for that, nor fails with it. So with several processes a client can be let through a little more often than its
 * limit, by what it asks within that moment; without Redis as often in each of them.
 * @param stopwatch seconds on a clock that only goes forward
 * @param shared null where there is one process only
 */
export function makeRateLimiter(stopwatch: () => number, shared: SharedCounts | null): RateLimiter {
  const windows = new Map<string, Window>();
  let untold = new Map<string, number>();
  let isTelling = false;
  let isShared: boolean | null = null;

  function tellSoon(counts: SharedCounts): void {
    if (isTelling) return;
    isTelling = true;
    setTimeout(() => void tell(counts), SHARE_MS).unref();
  }

  async function tell(counts: SharedCounts): Promise<void> {
    const told = untold;
    untold = new Map();
    try {
      for (const { key, count, remainingSeconds } of await counts.add(told)) {
        const window = windows.get(key);
        if (window === undefined) continue;
        window.count = count + (untold.get(key) ?? 0);
        window.until = stopwatch() + remainingSeconds;
      }
      setShared(true, null);
    } catch (error) {
      // What could not be told is not told later: its minute would be over.
      setShared(false, asError(error));
    }
    isTelling = false;
    if (untold.size > 0) tellSoon(counts);
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
        setBounded(windows, client, window, MOST_CLIENTS);
      }
      const isAllowed = window.count < limit;
      if (isAllowed) {
        window.count++;
        if (shared !== null) {
          setBounded(untold, client, (untold.get(client) ?? 0) + 1, MOST_CLIENTS);
          tellSoon(shared);
        }
      }
      const remaining = Math.max(0, limit - window.count);
      return { isAllowed, remaining, resetSeconds: wholeSeconds(window.until - now) };
    },
  };
}

/** Rounded up, and never more than a window: of floating-point numbers, (now + 60) − now can be a little above 60. */
function wholeSeconds(left: number): number {
  return Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(left)));
}
