import { InputError } from "../../canonical/input-error.ts";
import { formatTime, laterOf, type Micros, seconds } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { HeldLease } from "./report.ts";
import { databaseTime } from "./schedules.ts";

/** Event time at or after `from` and before `to`. */
export interface Interval {
  readonly from: Micros;
  readonly to: Micros;
}

/** Which intervals, in order of time. */
export interface IntervalFilter {
  /** Only those that end after this time; null to begin with the first. */
  readonly after: Micros | null;
  readonly limit: number;
}

interface Row {
  from_at: string;
  to_at: string;
}

/** Clocks of those who collect may be ahead of the database's by so much. */
const MOST_AHEAD: Micros = seconds(300);
/** A worker that was frozen comes back, and somebody else collects meanwhile: what it knows of the feed is of the past. */
const FENCED = "the lease of the job is lost: the coverage is left to who has it";

/**
 * Adds intervals to what a feed covers; each is joined with those that it overlaps or touches, and the watermark moves up
 * to its end, but neither beyond the database's time. Nothing happens for a feed that is not declared.
 * @param lease under which a worker has collected them; null where nobody else could
 * @throws InputError where an interval ends in the future; another error where the lease is lost
 */
export async function cover(
  sql: Sql,
  tenant: string,
  feed: string,
  intervals: readonly Interval[],
  lease: HeldLease | null = null,
): Promise<void> {
  if (intervals.length === 0) return;
  await requirePast(sql, intervals.map(({ to }) => to).reduce(laterOf));
  const { count } = await sql`
    SELECT control.cover(${tenant}, ${feed}, from_at::timestamptz, to_at::timestamptz)
    FROM unnest(
      ${intervals.map(({ from }) => timestamptz(from))}::text[], ${intervals.map(({ to }) => timestamptz(to))}::text[]
    ) AS given (from_at, to_at)
    WHERE ${isHeld(sql, tenant, lease)}`;
  if (count === 0) throw new Error(FENCED);
}

/**
 * Takes an interval out of what a feed covers: something in it turned out to be missing. The watermark stays.
 * @throws an error where the lease is lost
 */
export async function uncover(
  sql: Sql,
  tenant: string,
  feed: string,
  { from, to }: Interval,
  lease: HeldLease | null = null,
): Promise<void> {
  const { count } = await sql`
    SELECT control.uncover(${tenant}, ${feed}, ${timestamptz(from)}::timestamptz, ${timestamptz(to)}::timestamptz)
    WHERE ${isHeld(sql, tenant, lease)}`;
  if (count === 0) throw new Error(FENCED);
}

function isHeld(sql: Sql, tenant: string, lease: HeldLease | null) {
  if (lease === null) return sql`true`;
  return sql`EXISTS (
    SELECT FROM control.jobs
    WHERE tenant = ${tenant} AND job_id = ${String(lease.jobId)}::bigint AND state = 'leased'
      AND lease_token = ${String(lease.leaseToken)}::bigint
  )`;
}

/**
 * Moves the watermark of a declared feed up to a time, but not beyond the database's: what is not covered before is a gap. It
 * never goes back.
 * @throws InputError where the time is in the future
 */
export async function moveWatermark(sql: Sql, tenant: string, feed: string, to: Micros): Promise<void> {
  await requirePast(sql, to);
  await sql`
    INSERT INTO control.watermarks (tenant, feed, complete_to)
    SELECT tenant, feed, least(${timestamptz(to)}::timestamptz, clock_timestamp()) FROM control.feeds WHERE tenant = ${tenant} AND feed = ${feed}
    ON CONFLICT (tenant, feed) DO UPDATE SET complete_to = excluded.complete_to, moved_at = clock_timestamp()
    WHERE watermarks.complete_to < excluded.complete_to`;
}

/** A watermark that somebody's wrong clock moved into the future would stay there, and hide what is missing. */
async function requirePast(sql: Sql, time: Micros): Promise<void> {
  const now = await databaseTime(sql);
  if (time <= now + MOST_AHEAD) return;
  throw new InputError(
    `${formatTime(time)} is in the future: it is ${formatTime(now)} by the database's clock, and a watermark never goes back; set the clock of who collects`,
  );
}

/** Returns what a feed covers: intervals that neither overlap nor touch. */
export async function listCoverage(
  sql: Sql,
  tenant: string,
  feed: string,
  { after, limit }: IntervalFilter,
): Promise<Interval[]> {
  const rows = await sql<Row[]>`
    SELECT ${intervalColumns(sql)} FROM control.coverage
    WHERE tenant = ${tenant} AND feed = ${feed}
      ${after === null ? sql`` : sql`AND to_at > ${timestamptz(after)}::timestamptz`}
    ORDER BY from_at LIMIT ${limit}`;
  return rows.map(intervalOf);
}

/** Returns what a feed does not cover between its start and its watermark. */
export async function listGaps(
  sql: Sql,
  tenant: string,
  feed: string,
  { after, limit }: IntervalFilter,
): Promise<Interval[]> {
  const rows = await sql<Row[]>`
    WITH gaps AS (${gapsOfFeeds(sql, tenant)})
    SELECT ${intervalColumns(sql)} FROM gaps
    WHERE feed = ${feed}
      ${after === null ? sql`` : sql`AND to_at > ${timestamptz(after)}::timestamptz`}
    ORDER BY from_at LIMIT ${limit}`;
  return rows.map(intervalOf);
}

/** The gaps of a tenant (feed, from_at, to_at): what feeds do not cover between their start and their watermark. */
export function gapsOfFeeds(sql: Sql, tenant: string) {
  return sql`
    SELECT feeds.feed, lower(gap) AS from_at, upper(gap) AS to_at
    FROM control.feeds
    JOIN control.watermarks USING (tenant, feed)
    CROSS JOIN LATERAL unnest(
      tstzmultirange(tstzrange(start_at, greatest(start_at, complete_to))) - coalesce((
        SELECT range_agg(tstzrange(from_at, to_at)) FROM control.coverage
        WHERE coverage.tenant = feeds.tenant AND coverage.feed = feeds.feed
      ), '{}')
    ) AS gap
    WHERE feeds.tenant = ${tenant}`;
}

function intervalColumns(sql: Sql) {
  return sql`
    (extract(epoch FROM from_at) * 1000000)::bigint::text AS from_at,
    (extract(epoch FROM to_at) * 1000000)::bigint::text AS to_at`;
}

function intervalOf({ from_at, to_at }: Row): Interval {
  return { from: BigInt(from_at), to: BigInt(to_at) };
}
