import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import type { Interval } from "./coverage.ts";
import { JOB_STATES, type JobState } from "./read-jobs.ts";

/** `failed`: a job has failed, died or was cancelled, and none is left to run but those that wait for it. */
export type RunState = "running" | "paused" | "succeeded" | "failed" | "cancelled";

/** How many jobs of a run are in each state. */
export type JobCounts = Readonly<Record<JobState, number>>;

export interface Run extends Interval {
  readonly runId: bigint;
  readonly kind: string;
  readonly feed: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly chunkSeconds: number;
  readonly mergeJob: bigint | null;
  readonly actor: string;
  readonly reason: string;
  readonly createdAt: Micros;
  readonly state: RunState;
  /** Of its windows, and of the job that merges them. */
  readonly counts: JobCounts;
}

/** A window of a run, and the job that does it. */
export interface RunWindow extends Interval {
  readonly jobId: bigint;
  readonly state: JobState;
}

interface Row {
  run_id: string;
  kind: string;
  feed: string | null;
  payload: Record<string, unknown>;
  from_at: string;
  to_at: string;
  chunk_seconds: number;
  merge_job_id: string | null;
  actor: string;
  reason: string;
  created_at: string;
  is_paused: boolean;
  counts: Partial<JobCounts> | null;
}

/** Returns runs, newest first; before one of them, or from the newest (null). */
export async function listRuns(
  sql: Sql,
  tenant: string,
  { feed, before, limit }: { readonly feed: string | null; readonly before: bigint | null; readonly limit: number },
): Promise<Run[]> {
  const rows = await sql<Row[]>`
    ${selectRuns(sql, tenant)}
      ${feed === null ? sql`` : sql`AND feed = ${feed}`}
      ${before === null ? sql`` : sql`AND run_id < ${String(before)}::bigint`}
    ORDER BY runs.run_id DESC LIMIT ${limit}`;
  return rows.map(runOf);
}

/** Returns a run; null if the tenant has none with this id. */
export async function readRun(sql: Sql, tenant: string, runId: bigint): Promise<Run | null> {
  const [row] = await sql<Row[]>`${selectRuns(sql, tenant)} AND run_id = ${String(runId)}::bigint`;
  return row === undefined ? null : runOf(row);
}

/** Returns windows of a run in order of time, those that begin after a time, or from the first (null). */
export async function listWindows(
  sql: Sql,
  tenant: string,
  runId: bigint,
  { after, limit }: { readonly after: bigint | null; readonly limit: number },
): Promise<RunWindow[]> {
  const rows = await sql<{ from_at: string; to_at: string; job_id: string; state: JobState }[]>`
    SELECT (extract(epoch FROM from_at) * 1000000)::bigint::text AS from_at,
      (extract(epoch FROM to_at) * 1000000)::bigint::text AS to_at, job_id::text AS job_id, state
    FROM control.run_windows JOIN control.jobs USING (tenant, job_id)
    WHERE tenant = ${tenant} AND run_windows.run_id = ${String(runId)}::bigint
      ${after === null ? sql`` : sql`AND (extract(epoch FROM from_at) * 1000000)::bigint > ${String(after)}::bigint`}
    ORDER BY run_windows.from_at LIMIT ${limit}`;
  return rows.map(({ from_at, to_at, job_id, state }) => ({
    from: BigInt(from_at),
    to: BigInt(to_at),
    jobId: BigInt(job_id),
    state,
  }));
}

function selectRuns(sql: Sql, tenant: string) {
  return sql`
    SELECT run_id::text AS run_id, kind, feed, payload, chunk_seconds, merge_job_id::text AS merge_job_id, actor, reason,
      (extract(epoch FROM from_at) * 1000000)::bigint::text AS from_at,
      (extract(epoch FROM to_at) * 1000000)::bigint::text AS to_at,
      (extract(epoch FROM created_at) * 1000000)::bigint::text AS created_at,
      EXISTS (
        SELECT FROM control.pauses
        WHERE pauses.tenant = runs.tenant AND (scope = 'run' AND name = run_id::text OR scope = 'feed' AND name = feed)
      ) AS is_paused,
      (
        SELECT jsonb_object_agg(state, jobs) FROM (
          SELECT state, count(*) AS jobs FROM (
            SELECT job_id FROM control.run_windows
            WHERE run_windows.tenant = runs.tenant AND run_windows.run_id = runs.run_id
            UNION ALL
            SELECT merge_job_id WHERE merge_job_id IS NOT NULL
          ) AS part
          JOIN control.jobs ON jobs.tenant = runs.tenant AND jobs.job_id = part.job_id
          GROUP BY state
        ) AS counted
      ) AS counts
    FROM control.runs WHERE tenant = ${tenant}`;
}

function runOf(row: Row): Run {
  const counts = Object.fromEntries(JOB_STATES.map((state) => [state, row.counts?.[state] ?? 0])) as JobCounts;
  return {
    runId: BigInt(row.run_id),
    kind: row.kind,
    feed: row.feed,
    payload: row.payload,
    from: BigInt(row.from_at),
    to: BigInt(row.to_at),
    chunkSeconds: row.chunk_seconds,
    mergeJob: row.merge_job_id === null ? null : BigInt(row.merge_job_id),
    actor: row.actor,
    reason: row.reason,
    createdAt: BigInt(row.created_at),
    state: stateOf(counts, row.is_paused),
    counts,
  };
}

/** A job that waits for one which has not succeeded is not about to run. */
function stateOf({ ready, leased, blocked, failed, dead, cancelled }: JobCounts, isPaused: boolean): RunState {
  if (ready + leased > 0) return isPaused ? "paused" : "running";
  if (failed + dead > 0) return "failed";
  if (cancelled > 0) return "cancelled";
  return blocked > 0 ? "running" : "succeeded";
}
