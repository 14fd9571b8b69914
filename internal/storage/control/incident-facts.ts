import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { type CollectorProblem, listProblems } from "./collector-problems.ts";
import { gapsOfFeeds } from "./coverage.ts";
import { type Failure, recentFailures } from "./failures.ts";
import { type SlowedHost, slowedHosts } from "./slowed-hosts.ts";
import { countUnread, type UnreadCount } from "./unread-messages.ts";

/** What the rules of incidents decide by, of one tenant. */
export interface IncidentFacts {
  /** By the database's clock, before anything else was read. */
  readonly now: Micros;
  /** Of the last hour, newest first; bounded. */
  readonly failures: readonly Failure[];
  /** Jobs that ended, of the newest transitions within the last hour. */
  readonly ended: readonly EndedJobs[];
  readonly deadLetters: readonly DeadLetters[];
  readonly slowedHosts: readonly SlowedHost[];
  /** Schedules whose next tick is over. */
  readonly lateSchedules: readonly { readonly name: string; readonly tick: Micros }[];
  /** What is missing of feeds between their start and their watermark. */
  readonly gaps: readonly { readonly feed: string; readonly gaps: number; readonly from: Micros }[];
  /** Artifacts of the last day that differ from what the same inputs gave first. */
  readonly mismatches: readonly Mismatch[];
  readonly collectorProblems: readonly CollectorProblem[];
  /** Messages of venues that could not be understood within the last hour. */
  readonly unread: readonly UnreadCount[];
}

/** Ended jobs of a kind within the last hour, and of these the last five minutes. */
export interface EndedJobs {
  readonly kind: string;
  readonly ended: number;
  readonly failed: number;
  readonly endedLately: number;
  readonly failedLately: number;
}

export interface DeadLetters {
  readonly kind: string;
  readonly count: number;
  readonly firstJob: bigint;
  readonly lastJob: bigint;
  /** Of the newest. */
  readonly reason: string;
  readonly message: string | null;
}

export interface Mismatch {
  readonly inputsKey: string;
  readonly count: number;
  readonly firstJob: bigint;
  readonly lastJob: bigint;
}

const MOST_FAILURES = 2_000;
const MOST_TRANSITIONS = 5_000;
const MOST_ROWS = 500;
const HOUR = 3_600;

/** Returns all tenants. */
export async function allTenants(sql: Sql): Promise<string[]> {
  const rows = await sql<{ tenant: string }[]>`SELECT tenant FROM control.tenants ORDER BY tenant`;
  return rows.map(({ tenant }) => tenant);
}

/** Reads the facts of a tenant; the cost is bounded, however much history there is. */
export async function readIncidentFacts(sql: Sql, tenant: string): Promise<IncidentFacts> {
  const [clock] = await sql<{ now: string }[]>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now`;
  const failures = await recentFailures(sql, tenant, { withinSeconds: HOUR, limit: MOST_FAILURES });
  const ended = await sql<EndedJobs[]>`
    SELECT kind, count(*)::integer AS ended, (count(*) FILTER (WHERE is_failed))::integer AS failed,
      (count(*) FILTER (WHERE is_late))::integer AS "endedLately",
      (count(*) FILTER (WHERE is_late AND is_failed))::integer AS "failedLately"
    FROM (
      SELECT tenant, job_id, to_state IN ('failed', 'dead') AS is_failed, at > statement_timestamp() - interval '5 minutes' AS is_late
      FROM (
        SELECT * FROM control.job_history WHERE tenant = ${tenant} ORDER BY entry_id DESC LIMIT ${MOST_TRANSITIONS}
      ) AS newest
      WHERE from_state = 'leased' AND to_state IN ('succeeded', 'failed', 'dead')
        AND at > statement_timestamp() - interval '1 hour'
    ) AS ends
    JOIN control.jobs ON jobs.tenant = ends.tenant AND jobs.job_id = ends.job_id
    JOIN control.lanes USING (lane_id)
    GROUP BY kind ORDER BY kind`;
  const dead = await sql<
    { kind: string; count: number; first: string; last: string; reason: string; message: string | null }[]
  >`
    SELECT kind, count(*)::integer AS count, min(job_id)::text AS first, max(job_id)::text AS last,
      (array_agg(reason ORDER BY died_at DESC, job_id DESC))[1] AS reason,
      (array_agg(message ORDER BY died_at DESC, job_id DESC))[1] AS message
    FROM control.dead_letters JOIN control.jobs USING (tenant, job_id) JOIN control.lanes USING (lane_id)
    WHERE dead_letters.tenant = ${tenant}
    GROUP BY kind ORDER BY kind LIMIT ${MOST_ROWS}`;
  const late = await sql<{ name: string; tick: string }[]>`
    SELECT name, (extract(epoch FROM next_at) * 1000000)::bigint::text AS tick FROM control.schedules
    WHERE tenant = ${tenant} AND paused_reason IS NULL AND next_at <= statement_timestamp()
    ORDER BY name LIMIT ${MOST_ROWS}`;
  const gaps = await sql<{ feed: string; gaps: number; from: string }[]>`
    SELECT feed, count(*)::integer AS gaps, (extract(epoch FROM min(from_at)) * 1000000)::bigint::text AS "from"
    FROM (${gapsOfFeeds(sql, tenant)}) AS gaps
    GROUP BY feed ORDER BY feed LIMIT ${MOST_ROWS}`;
  const mismatches = await sql<{ key: string; count: number; first: string; last: string }[]>`
    SELECT inputs_key AS key, count(*)::integer AS count, min(job_id)::text AS first, max(job_id)::text AS last
    FROM control.artifacts
    WHERE tenant = ${tenant} AND expected_sha256 IS NOT NULL AND created_at > statement_timestamp() - interval '1 day'
    GROUP BY inputs_key ORDER BY inputs_key LIMIT ${MOST_ROWS}`;
  return {
    now: BigInt(clock?.now ?? 0),
    failures,
    ended,
    deadLetters: dead.map(({ first, last, ...rest }) => ({ ...rest, firstJob: BigInt(first), lastJob: BigInt(last) })),
    slowedHosts: await slowedHosts(sql, tenant),
    lateSchedules: late.map(({ name, tick }) => ({ name, tick: BigInt(tick) })),
    gaps: gaps.map(({ feed, gaps: count, from }) => ({ feed, gaps: count, from: BigInt(from) })),
    mismatches: mismatches.map(({ key, count, first, last }) => ({
      inputsKey: key,
      count,
      firstJob: BigInt(first),
      lastJob: BigInt(last),
    })),
    collectorProblems: await listProblems(sql, tenant),
    unread: await countUnread(sql, tenant),
  };
}
