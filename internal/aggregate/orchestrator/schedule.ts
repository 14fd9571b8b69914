import { latestClosed } from "../../canonical/bucket.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { ticksSkipped } from "../../obs/events.ts";

export interface Clock {
  readonly now: () => Micros;
  /** Ends at the moment, or earlier where the signal says so. */
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
}

export interface ScheduleOptions {
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Publishes the boundary `to`; it deals with its failures itself. */
  readonly tick: (to: Micros) => Promise<unknown>;
}

/**
 * Ticks at every k·interval + settle, for the boundary k·interval; the first time at once, for the latest closed one.
 * Never two ticks at once: boundaries that pass during a tick are skipped and counted. Ends after `signal`, when the
 * tick under way is done.
 */
export async function runSchedule({
  intervalSeconds,
  settleSeconds,
  clock,
  signal,
  tick,
}: ScheduleOptions): Promise<void> {
  const interval = seconds(intervalSeconds);
  let last: Micros | null = null;
  while (!signal.aborted) {
    const due = latestClosed(clock.now(), intervalSeconds, settleSeconds);
    if (last !== null && due <= last) {
      await clock.sleepUntil(last + interval + seconds(settleSeconds), signal);
      continue;
    }
    if (last !== null && due > last + interval) {
      ticksSkipped.publish({ count: Number((due - last) / interval) - 1, to: due });
    }
    await tick(due);
    last = due;
  }
}
