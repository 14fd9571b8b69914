import { formatTime, type Micros } from "../../canonical/time.ts";
import type { Times } from "../../lib/timetable.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { storableJson } from "./storable.ts";

export const MISSED = ["skip", "coalesce", "catch_up"] as const;

/**
 * What becomes of ticks at which no daemon ran. `skip`: nothing. `coalesce`: the last one gets a job, late. `catch_up`: each
 * gets a job, up to a limit.
 */
export type Missed = (typeof MISSED)[number];

export const OVERLAPS = ["skip", "allow"] as const;

/** What becomes of a tick while the job of the one before has not ended. `skip`: it gets none. `allow`: it gets one, too. */
export type Overlap = (typeof OVERLAPS)[number];

/** Each tick that is caught up would be skipped, as the job of the one before has not ended. */
export const OVERLAP_NEEDED = 'missed = "catch_up" makes several jobs at once, which needs overlap = "allow"';

/** A job that is submitted by the clock. */
export interface NewSchedule extends Times {
  readonly name: string;
  readonly kind: string;
  readonly payload: unknown;
  readonly missed: Missed;
  readonly overlap: Overlap;
  /** A job starts up to so many seconds after its tick, at random. */
  readonly jitterSeconds: number;
  /** Whether it comes from the configuration. */
  readonly isConfigured: boolean;
}

export interface Schedule extends NewSchedule {
  readonly pausedReason: string | null;
  /** The next tick that has no job yet. */
  readonly nextAt: Micros;
  /** The last tick that got a job, and that job; null if none has. */
  readonly lastAt: Micros | null;
  readonly lastJobId: bigint | null;
  /** How many ticks got no job as the one before had not ended, and the last of them; null if there is none. */
  readonly skippedTicks: number;
  readonly skippedAt: Micros | null;
}

interface Row {
  name: string;
  kind: string;
  payload: unknown;
  cron: string | null;
  every_seconds: number | null;
  time_zone: string;
  missed: Missed;
  overlap: Overlap;
  jitter_seconds: number;
  is_configured: boolean;
  paused_reason: string | null;
  next_at: string;
  last_at: string | null;
  last_job_id: string | null;
  skipped_ticks: number;
  skipped_at: string | null;
}

/**
 * Stores a schedule, or changes it. One whose times stay the same keeps its next tick.
 * @param nextAt its next tick otherwise
 */
export async function saveSchedule(sql: Sql, tenant: string, schedule: NewSchedule, nextAt: Micros): Promise<void> {
  const { name, kind, cron, everySeconds, timeZone, missed, overlap, jitterSeconds, isConfigured } = schedule;
  await sql`
    INSERT INTO control.schedules (
      tenant, name, kind, payload, cron, every_seconds, time_zone, missed, overlap, jitter_seconds, is_configured, next_at
    )
    VALUES (
      ${tenant}, ${name}, ${kind}, ${storableJson(schedule.payload)}::text::jsonb, ${cron}, ${everySeconds}, ${timeZone},
      ${missed}, ${overlap}, ${jitterSeconds}, ${isConfigured}, ${timestamptz(nextAt)}::timestamptz
    )
    ON CONFLICT (tenant, name) DO UPDATE SET
      kind = excluded.kind, payload = excluded.payload, cron = excluded.cron, every_seconds = excluded.every_seconds,
      time_zone = excluded.time_zone, missed = excluded.missed, overlap = excluded.overlap, jitter_seconds = excluded.jitter_seconds,
      is_configured = excluded.is_configured,
      next_at = CASE
        WHEN (schedules.cron, schedules.every_seconds, schedules.time_zone)
          IS NOT DISTINCT FROM (excluded.cron, excluded.every_seconds, excluded.time_zone)
        THEN schedules.next_at ELSE excluded.next_at
      END`;
}

/** Removes a schedule; its jobs stay. Returns whether it was there. */
export async function removeSchedule(sql: Sql, tenant: string, name: string): Promise<boolean> {
  const { count } = await sql`DELETE FROM control.schedules WHERE tenant = ${tenant} AND name = ${name}`;
  return count > 0;
}

/** Returns the names of schedules that came from a configuration, but not from one with these. */
export async function listUnconfigured(sql: Sql, tenant: string, configured: readonly string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM control.schedules
    WHERE tenant = ${tenant} AND is_configured AND name <> ALL(${[...configured]}::text[])
    ORDER BY name`;
  return rows.map(({ name }) => name);
}

/** Pauses a schedule; returns whether it was there. */
export async function pauseSchedule(sql: Sql, tenant: string, name: string, reason: string): Promise<boolean> {
  const { count } = await sql`
    UPDATE control.schedules SET paused_reason = ${reason} WHERE tenant = ${tenant} AND name = ${name}`;
  return count > 0;
}

/** Resumes a schedule with the tick `nextAt`: those of the pause are not missed. Returns whether it was paused. */
export async function resumeSchedule(sql: Sql, tenant: string, name: string, nextAt: Micros): Promise<boolean> {
  const { count } = await sql`
    UPDATE control.schedules SET paused_reason = NULL, next_at = ${timestamptz(nextAt)}::timestamptz
    WHERE tenant = ${tenant} AND name = ${name} AND paused_reason IS NOT NULL`;
  return count > 0;
}

/** Returns schedules in the order of their names, after one of them or from the first (null). */
export async function listSchedules(
  sql: Sql,
  tenant: string,
  after: string | null,
  limit: number,
): Promise<Schedule[]> {
  const rows = await sql<Row[]>`
    SELECT ${scheduleColumns(sql)} FROM control.schedules
    WHERE tenant = ${tenant} ${after === null ? sql`` : sql`AND name > ${after}`}
    ORDER BY name LIMIT ${limit}`;
  return rows.map(scheduleOf);
}

/** Returns a schedule; null if the tenant has none of this name. */
export async function readSchedule(sql: Sql, tenant: string, name: string): Promise<Schedule | null> {
  const [row] = await sql<Row[]>`
    SELECT ${scheduleColumns(sql)} FROM control.schedules WHERE tenant = ${tenant} AND name = ${name}`;
  return row === undefined ? null : scheduleOf(row);
}

/** Returns the database's time. */
export async function databaseTime(sql: Sql): Promise<Micros> {
  const [row] = await sql<{ now: string }[]>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now`;
  return BigInt(row?.now ?? 0);
}

export function scheduleColumns(sql: Sql) {
  return sql`
    name, kind, payload, cron, every_seconds, time_zone, missed, overlap, jitter_seconds, is_configured, paused_reason,
    last_job_id::text AS last_job_id, skipped_ticks::float8 AS skipped_ticks,
    (extract(epoch FROM skipped_at) * 1000000)::bigint::text AS skipped_at,
    (extract(epoch FROM next_at) * 1000000)::bigint::text AS next_at,
    (extract(epoch FROM last_at) * 1000000)::bigint::text AS last_at`;
}

export function scheduleOf(row: Row): Schedule {
  return {
    name: row.name,
    kind: row.kind,
    payload: row.payload,
    cron: row.cron,
    everySeconds: row.every_seconds,
    timeZone: row.time_zone,
    missed: row.missed,
    overlap: row.overlap,
    jitterSeconds: row.jitter_seconds,
    isConfigured: row.is_configured,
    pausedReason: row.paused_reason,
    nextAt: BigInt(row.next_at),
    lastAt: row.last_at === null ? null : BigInt(row.last_at),
    lastJobId: row.last_job_id === null ? null : BigInt(row.last_job_id),
    skippedTicks: row.skipped_ticks,
    skippedAt: row.skipped_at === null ? null : BigInt(row.skipped_at),
  };
}

/** The idempotency key of a tick's job. */
export function tickKey(name: string, tick: Micros): string {
  return `schedule:${name}:${formatTime(tick)}`;
}

export type ScheduleRow = Row;
