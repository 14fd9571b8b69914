import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

export const JOB_STATES = ["blocked", "ready", "leased", "succeeded", "failed", "dead", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface JobSummary {
  readonly jobId: bigint;
  readonly kind: string;
  readonly state: JobState;
  readonly priority: number;
  /** Empty for none. */
  readonly source: string;
  readonly host: string;
  /** Null for none. */
  readonly feed: string | null;
  readonly runId: bigint | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly worker: string | null;
  readonly createdAt: Micros;
  readonly runAt: Micros;
  readonly endedAt: Micros | null;
}

/** One transition of a job. */
export interface HistoryEntry {
  readonly at: Micros;
  /** Null for the first entry. */
  readonly from: JobState | null;
  readonly to: JobState;
  readonly attempt: number;
  readonly worker: string | null;
  readonly reason: string | null;
  readonly message: string | null;
}

export interface JobDetails extends JobSummary {
  readonly payload: unknown;
  readonly idempotencyKey: string | null;
  readonly traceparent: string | null;
  readonly leasedUntil: Micros | null;
  /** How far the newest attempt has come, 0 to 1; null where its worker does not say. */
  readonly progress: number | null;
  readonly history: readonly HistoryEntry[];
}

export interface JobFilter {
  readonly states: readonly JobState[];
  /** Null for all kinds. */
  readonly kind: string | null;
  /** Only jobs with a lower id; null to begin with the newest. */
  readonly before: bigint | null;
  readonly limit: number;
}

interface SummaryRow {
  job_id: string;
  kind: string;
  state: JobState;
  priority: number;
  source: string;
  host: string;
  feed: string | null;
  run_id: string | null;
  attempt: number;
  max_attempts: number;
  worker: string | null;
  created: string;
  run: string;
  ended: string | null;
}

/** Returns jobs, newest first. */
export async function listJobs(sql: Sql, tenant: string, filter: JobFilter): Promise<JobSummary[]> {
  const { states, kind, before, limit } = filter;
  const rows = await sql<SummaryRow[]>`
    SELECT ${summaryColumns(sql)} FROM control.jobs JOIN control.lanes USING (lane_id)
    WHERE jobs.tenant = ${tenant} AND state = ANY(${[...states]}::text[])
      ${kind === null ? sql`` : sql`AND kind = ${kind}`}
      ${before === null ? sql`` : sql`AND jobs.job_id < ${String(before)}::bigint`}
    ORDER BY jobs.job_id DESC
    LIMIT ${limit}`;
  return rows.map(summaryOf);
}

/** Returns a job with its history; null if the tenant has none with this id. */
export async function readJob(sql: Sql, tenant: string, jobId: bigint): Promise<JobDetails | null> {
  const [row] = await sql<
    (SummaryRow & {
      payload: unknown;
      idempotency_key: string | null;
      traceparent: string | null;
      leased_until: string | null;
      progress: number | null;
    })[]
  >`
    SELECT ${summaryColumns(sql)}, payload, idempotency_key, traceparent, progress,
      (extract(epoch FROM leased_until) * 1000000)::bigint::text AS leased_until
    FROM control.jobs JOIN control.lanes USING (lane_id)
    WHERE jobs.tenant = ${tenant} AND jobs.job_id = ${String(jobId)}::bigint`;
  if (row === undefined) return null;
  const history = await sql<
    {
      at: string;
      from_state: JobState | null;
      to_state: JobState;
      attempt: number;
      worker: string | null;
      reason: string | null;
      message: string | null;
    }[]
  >`
    SELECT (extract(epoch FROM at) * 1000000)::bigint::text AS at, from_state, to_state, attempt, worker, reason, message
    FROM control.job_history
    WHERE tenant = ${tenant} AND job_id = ${String(jobId)}::bigint
    ORDER BY entry_id`;
  return {
    ...summaryOf(row),
    payload: row.payload,
    idempotencyKey: row.idempotency_key,
    traceparent: row.traceparent,
    progress: row.progress,
    leasedUntil: row.leased_until === null ? null : BigInt(row.leased_until),
    history: history.map(({ at, from_state: from, to_state: to, ...entry }) => ({
      at: BigInt(at),
      from,
      to,
      ...entry,
    })),
  };
}

/** Returns how many jobs of each kind are in each state. */
export async function countJobs(
  sql: Sql,
  tenant: string,
): Promise<{ readonly kind: string; readonly state: JobState; readonly count: number }[]> {
  return sql<{ kind: string; state: JobState; count: number }[]>`
    SELECT kind, state, count(*)::integer AS count FROM control.jobs JOIN control.lanes USING (lane_id)
    WHERE jobs.tenant = ${tenant}
    GROUP BY kind, state ORDER BY kind, state`;
}

function summaryColumns(sql: Sql) {
  return sql`
    jobs.job_id::text AS job_id, kind, state, priority, source, host, feed, run_id::text AS run_id,
    attempt, max_attempts, worker,
    (extract(epoch FROM created_at) * 1000000)::bigint::text AS created,
    (extract(epoch FROM run_at) * 1000000)::bigint::text AS run,
    (extract(epoch FROM ended_at) * 1000000)::bigint::text AS ended`;
}

function summaryOf(row: SummaryRow): JobSummary {
  return {
    jobId: BigInt(row.job_id),
    kind: row.kind,
    state: row.state,
    priority: row.priority,
    source: row.source,
    host: row.host,
    feed: row.feed,
    runId: row.run_id === null ? null : BigInt(row.run_id),
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    worker: row.worker,
    createdAt: BigInt(row.created),
    runAt: BigInt(row.run),
    endedAt: row.ended === null ? null : BigInt(row.ended),
  };
}
