import { latestClosed } from "../canonical/bucket.ts";
import { floorTo, type Micros, seconds } from "../canonical/time.ts";
import { ticksSkipped } from "./events.ts";

export interface Clock {
  readonly now: () => Micros;
  /** Resolves at `moment`, or earlier if the signal aborts. */
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
}

export interface Timing {
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
}

export interface ScheduleOptions {
  /** Read before each tick, since a reload can change it. */
  readonly timing: () => Timing;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Computes the boundary `to`; it must handle its own failures. */
  readonly tick: (to: Micros) => Promise<unknown>;
}

/**
 * Ticks at every k·interval + settle, for the boundary k·interval; the first tick is immediate, for the latest closed
 * boundary. Ticks never overlap: boundaries that pass during a tick are skipped and counted. If the clock is set back
 * by more than an interval, the schedule restarts. After `signal` aborts, it resolves when the running tick is done.
 */
export async function runSchedule({ timing, clock, signal, tick }: ScheduleOptions): Promise<void> {
  let last: { readonly to: Micros; readonly interval: Micros } | null = null;
  while (!signal.aborted) {
    const { intervalSeconds, settleSeconds } = timing();
    const interval = seconds(intervalSeconds);
    const due = latestClosed(clock.now(), intervalSeconds, settleSeconds);
    if (last !== null) {
      const next = floorTo(last.to, interval) + interval;
      // After a fast clock is corrected, ticks must not pause until it has caught up.
      const wasSetBack = due < next - 2n * interval;
      if (due < next && !wasSetBack) {
        await clock.sleepUntil(next + seconds(settleSeconds), signal);
        continue;
      }
      // Boundaries between two ticks of different intervals were never due.
      if (due > next && interval === last.interval) {
        ticksSkipped.publish({ count: Number((due - next) / interval), to: due });
      }
    }
    await tick(due);
    last = { to: due, interval };
  }
}
