import { latestClosed } from "../../canonical/bucket.ts";
import { floorTo, type Micros, seconds } from "../../canonical/time.ts";
import { ticksSkipped } from "../../obs/events.ts";

export interface Clock {
  readonly now: () => Micros;
  /** Ends at the moment, or earlier where the signal says so. */
  readonly sleepUntil: (moment: Micros, signal: AbortSignal) => Promise<void>;
}

export interface Timing {
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
}

export interface ScheduleOptions {
  /** Looked at before each tick: it may change. */
  readonly timing: () => Timing;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Publishes the boundary `to`; it deals with its failures itself. */
  readonly tick: (to: Micros) => Promise<unknown>;
}

/**
 * Ticks at every k·interval + settle, for the boundary k·interval; the first time at once, for the latest closed one.
 * Never two ticks at once: boundaries that pass during a tick are skipped and counted. A clock that is set back by more than
 * an interval begins anew. Ends after `signal`, when the
 * tick under way is done.
 */
export async function runSchedule({ timing, clock, signal, tick }: ScheduleOptions): Promise<void> {
  let last: { readonly to: Micros; readonly interval: Micros } | null = null;
  while (!signal.aborted) {
    const { intervalSeconds, settleSeconds } = timing();
    const interval = seconds(intervalSeconds);
    const due = latestClosed(clock.now(), intervalSeconds, settleSeconds);
    if (last !== null) {
      const next = floorTo(last.to, interval) + interval;
      // A clock that was ahead, and is set right, must not silence this until the time that it had come to.
      const wasSetBack = due < next - 2n * interval;
      if (due < next && !wasSetBack) {
        await clock.sleepUntil(next + seconds(settleSeconds), signal);
        continue;
      }
      // What lies between two ticks of different intervals was never due.
      if (due > next && interval === last.interval) {
        ticksSkipped.publish({ count: Number((due - next) / interval), to: due });
      }
    }
    await tick(due);
    last = { to: due, interval };
  }
}
