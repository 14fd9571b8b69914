import type postgres from "postgres";
import type { Micros } from "../../canonical/time.ts";
import { retryConflicts } from "../connection/conflicts.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { type Schedule, type ScheduleRow, scheduleColumns, scheduleOf, tickKey } from "./schedules.ts";
import { idText, submitJob } from "./submit.ts";

/** Between live work and backfill. */
const PRIORITY = 5;
const MAX_ATTEMPTS = 5;

/** A schedule of a tenant. */
export interface ScheduleName {
  readonly tenant: string;
  readonly name: string;
}

/** What a schedule does now. */
export interface Firing {
  /** The ticks that get a job, and when each may start. */
  readonly ticks: readonly { readonly at: Micros; readonly runAt: Micros }[];
  readonly nextAt: Micros;
}

/** A tick that has got its job, or was skipped. */
export interface FiredTick extends ScheduleName {
  readonly kind: string;
  readonly tick: Micros;
  /** Null where it was skipped: the job of the tick before has not ended. */
  readonly jobId: bigint | null;
}

/** Returns the schedules of all tenants that have a tick to look at, the latest first. */
export async function dueSchedules(sql: postgres.Sql): Promise<ScheduleName[]> {
  return sql<{ tenant: string; name: string }[]>`
    SELECT tenant, name FROM control.schedules
    WHERE paused_reason IS NULL AND next_at <= clock_timestamp()
    ORDER BY next_at, tenant, name`;
}

/**
 * Submits the jobs of a schedule's ticks, but for those to be skipped, and moves it to its next tick, in one transaction: of several that do so at once,
 * one does. Returns an empty list where nothing is due, or another one is at it.
 * It is run again after a conflict with other transactions.
 * @param plan decides by the database's time
 */
export function fireSchedule(
  sql: postgres.Sql,
  { tenant, name }: ScheduleName,
  plan: (schedule: Schedule, now: Micros) => Firing,
): Promise<FiredTick[]> {
  return retryConflicts(() =>
    inTransaction(sql, READ_COMMITTED, (transaction) => fire(transaction, { tenant, name }, plan)),
  );
}

async function fire(
  transaction: Sql,
  { tenant, name }: ScheduleName,
  plan: (schedule: Schedule, now: Micros) => Firing,
): Promise<FiredTick[]> {
  const [row] = await transaction<(ScheduleRow & { now: string })[]>`
    SELECT ${scheduleColumns(transaction)}, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now
    FROM control.schedules
    WHERE tenant = ${tenant} AND name = ${name} AND paused_reason IS NULL AND next_at <= clock_timestamp()
    FOR NO KEY UPDATE SKIP LOCKED`;
  if (row === undefined) return [];
  const schedule = scheduleOf(row);
  const { ticks, nextAt } = plan(schedule, BigInt(row.now));
  const fired: FiredTick[] = [];
  let last = { at: schedule.lastAt, jobId: schedule.lastJobId };
  let skipped: Micros[] = [];
  for (const { at, runAt } of ticks) {
    if (schedule.overlap === "skip" && (await isUnfinished(transaction, tenant, last.jobId))) {
      skipped = [...skipped, at];
      fired.push({ tenant, name, kind: schedule.kind, tick: at, jobId: null });
      continue;
    }
    const { jobId } = await submitJob(transaction, tenant, {
      kind: schedule.kind,
      payload: schedule.payload,
      priority: PRIORITY,
      source: "",
      host: "",
      feed: null,
      runId: null,
      runAt,
      maxAttempts: MAX_ATTEMPTS,
      idempotencyKey: tickKey(name, at),
      needs: [],
      traceparent: null,
    });
    last = { at, jobId };
    fired.push({ tenant, name, kind: schedule.kind, tick: at, jobId });
  }
  const lastSkipped = skipped.at(-1) ?? schedule.skippedAt;
  await transaction`
    UPDATE control.schedules SET
      next_at = ${timestamptz(nextAt)}::timestamptz,
      last_at = ${last.at === null ? null : timestamptz(last.at)}::timestamptz,
      last_job_id = ${idText(last.jobId)}::bigint,
      skipped_ticks = skipped_ticks + ${skipped.length},
      skipped_at = ${lastSkipped === null ? null : timestamptz(lastSkipped)}::timestamptz
    WHERE tenant = ${tenant} AND name = ${name}`;
  return fired;
}

async function isUnfinished(sql: Sql, tenant: string, jobId: bigint | null): Promise<boolean> {
  if (jobId === null) return false;
  const rows = await sql`
    SELECT FROM control.jobs WHERE tenant = ${tenant} AND job_id = ${idText(jobId)}::bigint AND ended_at IS NULL`;
  return rows.length > 0;
}
