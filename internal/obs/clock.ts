import { setTimeout as sleep } from "node:timers/promises";
import type { Micros } from "../canonical/time.ts";

// A timer of more than 2^31 ms would fire at once; waking early is harmless, callers look at the clock again.
const LONGEST_SLEEP_MS = 60_000;

/** The system's wall clock. Only commands hand it out; core code takes time as a parameter. */
export const systemClock = {
  now: (): Micros => BigInt(Date.now()) * 1000n,

  /** Ends at the moment or soon after, at least once a minute, or when the signal aborts. */
  sleepUntil: async (moment: Micros, signal: AbortSignal): Promise<void> => {
    const milliseconds = Math.min(LONGEST_SLEEP_MS, Math.max(1, Number(moment / 1000n) - Date.now() + 1));
    await sleep(milliseconds, undefined, { signal }).catch(() => {});
  },
};

/** Seconds on a clock that only goes forward, for durations. */
export function stopwatch(): number {
  return performance.now() / 1000;
}
