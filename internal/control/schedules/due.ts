import { type Micros, seconds } from "../../canonical/time.ts";
import type { Timetable } from "../../lib/timetable.ts";
import type { Missed } from "../../storage/control/schedules.ts";

/** A tick counts as missed once it is so late. */
export const GRACE: Micros = seconds(60);
/** The most ticks that get their jobs late. */
export const MOST_CAUGHT_UP = 100;

/** What is to be done now. */
export interface Due {
  /** Ticks that get a job, oldest first. */
  readonly ticks: readonly Micros[];
  /** The first tick after now. */
  readonly nextAt: Micros;
}

/** @param nextAt the first tick that was not looked at before */
export function dueOf(timetable: Timetable, missed: Missed, nextAt: Micros, now: Micros): Due {
  const count = missed === "catch_up" ? MOST_CAUGHT_UP : 1;
  const passed = timetable.lastUntil(now, count).filter((tick) => tick >= nextAt);
  const ticks = missed === "skip" ? passed.filter((tick) => now - tick <= GRACE) : passed;
  return { ticks, nextAt: timetable.nextAfter(now) };
}
