import type postgres from "postgres";
import { type Micros, seconds } from "../../canonical/time.ts";
import { timetableOf } from "../../lib/timetable.ts";
import { dueSchedules, type Firing, fireSchedule } from "../../storage/control/fire.ts";
import type { Schedule } from "../../storage/control/schedules.ts";
import { scheduleFired, workerFailed } from "../events.ts";
import { dueOf } from "./due.ts";

/**
 * Submits the jobs of all schedules that are due. Any number of processes may do so at once: each tick gets one job. A
 * schedule that fails holds up no other one, and is due again the next time.
 * @param random a number in [0, 1), for jitter
 */
export async function fireDue(sql: postgres.Sql, random: () => number): Promise<void> {
  for (const schedule of await dueSchedules(sql)) {
    try {
      const fired = await fireSchedule(sql, schedule, (found, now) => firingOf(found, now, random));
      for (const tick of fired) scheduleFired.publish({ fired: tick });
    } catch (error) {
      workerFailed.publish({ call: "schedule", error: error as Error });
    }
  }
}

/** Returns the ticks that a schedule is to make now; each starts at most its jitter later. */
export function firingOf(schedule: Schedule, now: Micros, random: () => number): Firing {
  const { missed, jitterSeconds } = schedule;
  const { ticks, nextAt } = dueOf(timetableOf(schedule), missed, schedule.nextAt, now);
  const jittered = (at: Micros) => at + BigInt(Math.floor(random() * Number(seconds(jitterSeconds))));
  return { ticks: ticks.map((at) => ({ at, runAt: jittered(at) })), nextAt };
}
