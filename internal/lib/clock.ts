import { setTimeout as sleep } from "node:timers/promises";
import type { Micros } from "../canonical/time.ts";

// A timer of more than 2^31 ms fires immediately. Waking early is harmless because callers check the clock again.
const MAX_SLEEP_MS = 60_000;

/** The system's wall clock. Only commands pass it on; core code takes the clock as a parameter. */
export const systemClock = {
  now: (): Micros => BigInt(Date.now()) * 1000n,

  /** Resolves at `moment` or soon after, after at most a minute, or when the signal aborts. */
  sleepUntil: async (moment: Micros, signal: AbortSignal): Promise<void> => {
    // Timers may fire a millisecond early by the wall clock.
    const milliseconds = Math.min(MAX_SLEEP_MS, Math.max(1, Number((moment + 999n) / 1000n) - Date.now() + 1));
    await sleep(milliseconds, undefined, { signal }).catch(() => {});
  },
};

/** Returns seconds on a monotonic clock, for durations. */
export function stopwatch(): number {
  return performance.now() / 1000;
}
