import { createHash } from "node:crypto";
import { formatTime } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import type { Interval } from "./coverage.ts";
import { storableJson } from "./storable.ts";
import { submitJob } from "./submit.ts";
import { type OwnParts, submitJobs } from "./submit-batch.ts";

/** Live work has a lower number, which goes first. */
export const RUN_PRIORITY = 7;
const MAX_ATTEMPTS = 5;

/** A range of event time that is done in windows, each by a job of its own. */
export interface NewRun extends Interval {
  /** The kind of job that does a window. */
  readonly kind: string;
  /** The feed that the windows add to the coverage of; null for none. */
  readonly feed: string | null;
  /** Source and host of the jobs; empty for none. */
  readonly source: string;
  readonly host: string;
  /** A JSON object; each window's `from` and `to` are added to it. */
  readonly payload: Readonly<Record<string, unknown>>;
  readonly chunkSeconds: number;
  /** The windows to do, in order of time. */
  readonly windows: readonly Interval[];
  /** The kind of job that puts together what the windows gave, once all have succeeded; null for none. */
  readonly mergeKind: string | null;
  readonly actor: string;
  readonly reason: string;
}

export interface CreatedRun {
  readonly runId: bigint;
  /** The jobs of the windows, in order of time. */
  readonly jobs: readonly bigint[];
  /** How many of them are new; the others do the same window for another run, and have not ended. */
  readonly newJobs: number;
  readonly mergeJob: bigint | null;
}

/**
 * Makes a run in the caller's transaction. While a job of an earlier run does the same window with the same payload,
 * this run waits for that job, too.
 * @throws InputError where the payload cannot be stored
 */
export async function createRun(sql: Sql, tenant: string, run: NewRun): Promise<CreatedRun> {
  const { kind, feed, source, host, payload, windows, mergeKind } = run;
  const [row] = await sql<{ run_id: string }[]>`
    INSERT INTO control.runs (tenant, kind, feed, payload, from_at, to_at, chunk_seconds, actor, reason)
    VALUES (
      ${tenant}, ${kind}, ${feed}, ${storableJson(payload)}::text::jsonb, ${timestamptz(run.from)}::timestamptz,
      ${timestamptz(run.to)}::timestamptz, ${run.chunkSeconds}, ${run.actor}, ${run.reason}
    )
    RETURNING run_id::text AS run_id`;
  const runId = BigInt(row?.run_id ?? 0);
  const common = { source, host, feed, runId, priority: RUN_PRIORITY, maxAttempts: MAX_ATTEMPTS };
  const what = digestOf(JSON.stringify([kind, feed, payload]));
  const submitted = await submitJobs(
    sql,
    tenant,
    { ...common, kind },
    windows.map((window) => windowJob(kind, what, payload, window)),
  );
  const jobs = submitted.map(({ jobId }) => jobId);
  await sql`
    INSERT INTO control.run_windows (tenant, run_id, from_at, to_at, job_id)
    SELECT ${tenant}, ${String(runId)}::bigint, from_at::timestamptz, to_at::timestamptz, job_id
    FROM unnest(
      ${windows.map(({ from }) => timestamptz(from))}::text[], ${windows.map(({ to }) => timestamptz(to))}::text[],
      ${jobs.map(String)}::text[]::bigint[]
    ) AS given (from_at, to_at, job_id)`;
  const mergeJob =
    mergeKind === null ? null : await submitMerge(sql, tenant, run, { ...common, kind: mergeKind }, jobs);
  return { runId, jobs, newJobs: submitted.filter(({ isNew }) => isNew).length, mergeJob };
}

function windowJob(kind: string, what: string, payload: NewRun["payload"], { from, to }: Interval): OwnParts {
  const window = { from: formatTime(from), to: formatTime(to) };
  return { payload: { ...payload, ...window }, idempotencyKey: `run:${kind}:${what}:${window.from}/${window.to}` };
}

async function submitMerge(
  sql: Sql,
  tenant: string,
  { payload, from, to }: NewRun,
  common: { readonly kind: string; readonly feed: string | null; readonly runId: bigint } & Record<
    "source" | "host",
    string
  > &
    Record<"priority" | "maxAttempts", number>,
  jobs: readonly bigint[],
): Promise<bigint> {
  const { runId } = common;
  const { jobId } = await submitJob(sql, tenant, {
    ...common,
    // What the windows have in common, and the run whose windows are put together.
    payload: { ...payload, from: formatTime(from), to: formatTime(to), run: String(runId) },
    feed: null,
    runAt: null,
    idempotencyKey: null,
    needs: [...new Set(jobs)],
    traceparent: null,
  });
  await sql`
    UPDATE control.runs SET merge_job_id = ${String(jobId)}::bigint
    WHERE tenant = ${tenant} AND run_id = ${String(runId)}::bigint`;
  return jobId;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
