import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import { timetableOf } from "../../lib/timetable.ts";
import type { Sql } from "../../storage/connection/pool.ts";
import { type Actor, audited } from "../../storage/control/audit.ts";
import {
  databaseTime,
  type NewSchedule,
  OVERLAP_NEEDED,
  pauseSchedule,
  readSchedule,
  removeSchedule,
  resumeSchedule,
  saveSchedule,
} from "../../storage/control/schedules.ts";
import { findKind } from "../kinds/kinds.ts";

/** Changes a schedule of the actor's tenant; returns whether it changed. */
export type ScheduleAction = (sql: postgres.Sql, actor: Actor, name: string) => Promise<boolean>;

/**
 * Stores a schedule, or changes it.
 * @throws InputError where it ticks at no time, its payload is invalid, or it comes from the configuration
 */
export async function putSchedule(sql: postgres.Sql, actor: Actor, schedule: NewSchedule): Promise<void> {
  if ((schedule.cron === null) === (schedule.everySeconds === null)) {
    throw new InputError('give either cron, such as "15 4 * * *", or every, such as "1h"');
  }
  if (schedule.missed === "catch_up" && schedule.overlap === "skip") throw new InputError(OVERLAP_NEEDED);
  const timetable = timetableOf(schedule);
  findKind(schedule.kind)?.prepare(schedule.payload);
  await act(sql, actor, "schedules.put", schedule.name, async (transaction) => {
    await requireUnconfigured(transaction, actor.tenant, schedule.name);
    await saveSchedule(transaction, actor.tenant, schedule, timetable.nextAfter(await databaseTime(transaction)));
    return true;
  });
}

export const holdSchedule: ScheduleAction = (sql, actor, name) =>
  act(sql, actor, "schedules.pause", name, (transaction) =>
    pauseSchedule(transaction, actor.tenant, name, actor.reason),
  );

export const releaseSchedule: ScheduleAction = (sql, actor, name) =>
  act(sql, actor, "schedules.resume", name, async (transaction) => {
    const schedule = await readSchedule(transaction, actor.tenant, name);
    if (schedule === null) return false;
    const next = timetableOf(schedule).nextAfter(await databaseTime(transaction));
    return resumeSchedule(transaction, actor.tenant, name, next);
  });

export const deleteSchedule: ScheduleAction = (sql, actor, name) =>
  act(sql, actor, "schedules.remove", name, (transaction) => removeSchedule(transaction, actor.tenant, name));

function act(
  sql: postgres.Sql,
  actor: Actor,
  action: string,
  name: string,
  change: (sql: Sql) => Promise<boolean>,
): Promise<boolean> {
  return audited(sql, actor, { action, target: { schedule: name } }, async (transaction) => {
    const changed = await change(transaction);
    return { result: changed, shown: { changed } };
  });
}

/** The next start of a daemon would undo the change. */
async function requireUnconfigured(sql: Sql, tenant: string, name: string): Promise<void> {
  if ((await readSchedule(sql, tenant, name))?.isConfigured) {
    throw new InputError(`schedule ${name} comes from [[control.schedules]]; change it there, or pause it`);
  }
}
