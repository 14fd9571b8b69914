import type { Sql } from "../connection/pool.ts";
import { storableJson } from "./storable.ts";
import { idText, laneOf, type NewJob, type SubmittedJob } from "./submit.ts";

/** What jobs of one batch have in common: they wait in one lane, start at once and need no others. */
export type CommonParts = Pick<NewJob, "kind" | "priority" | "source" | "host" | "feed" | "runId" | "maxAttempts">;

/** What tells jobs of one batch apart. */
export interface OwnParts {
  readonly payload: unknown;
  readonly idempotencyKey: string;
}

/** Jobs per statement. */
const BATCH = 1000;

/**
 * Submits many jobs in the caller's transaction; returns them in the same order. Where a job with the same idempotency
 * key has not ended, that one is returned.
 * @throws InputError where a payload cannot be stored
 */
export async function submitJobs(
  sql: Sql,
  tenant: string,
  common: CommonParts,
  jobs: readonly OwnParts[],
): Promise<SubmittedJob[]> {
  const { lane, isHeld } = await laneOf(sql, tenant, common);
  const submitted: SubmittedJob[] = [];
  for (let start = 0; start < jobs.length; start += BATCH) {
    const batch = jobs.slice(start, start + BATCH);
    const ids = new Map<string, SubmittedJob>();
    let left: readonly OwnParts[] = batch;
    // A job with the same key that ends between the two statements frees its key.
    while (left.length > 0) {
      for (const [key, jobId] of await insert(sql, tenant, common, { lane, isHeld }, left))
        ids.set(key, { jobId, isNew: true });
      const rest = left.filter(({ idempotencyKey }) => !ids.has(idempotencyKey));
      for (const [key, jobId] of await findLive(sql, tenant, rest)) ids.set(key, { jobId, isNew: false });
      left = rest.filter(({ idempotencyKey }) => !ids.has(idempotencyKey));
    }
    for (const { idempotencyKey } of batch) submitted.push(ids.get(idempotencyKey) as SubmittedJob);
  }
  return submitted;
}

type KeyAndId = readonly [key: string, jobId: bigint];

async function insert(
  sql: Sql,
  tenant: string,
  { feed, runId, maxAttempts }: CommonParts,
  { lane, isHeld }: { readonly lane: string; readonly isHeld: boolean },
  jobs: readonly OwnParts[],
): Promise<KeyAndId[]> {
  const rows = await sql<{ key: string; job_id: string }[]>`
    WITH given AS (
      SELECT * FROM unnest(
        ${jobs.map(({ payload }) => storableJson(payload))}::text[],
        ${jobs.map(({ idempotencyKey }) => idempotencyKey)}::text[]
      ) WITH ORDINALITY AS job (payload, key, place)
    ),
    added AS (
      INSERT INTO control.jobs (
        tenant, lane_id, feed, run_id, is_held, state, payload, idempotency_key, run_at, ready_order, max_attempts
      )
      SELECT ${tenant}, ${lane}::bigint, ${feed}, ${idText(runId)}::bigint, ${isHeld}, 'ready', payload::jsonb, key,
        clock_timestamp(), CASE WHEN NOT ${isHeld} THEN nextval('control.ready_order') END, ${maxAttempts}
      FROM (SELECT * FROM given ORDER BY place) AS sorted
      ON CONFLICT (tenant, idempotency_key)
        WHERE idempotency_key IS NOT NULL AND state IN ('blocked', 'ready', 'leased')
        DO NOTHING
      RETURNING job_id, idempotency_key
    ),
    logged AS (
      INSERT INTO control.job_history (tenant, job_id, to_state, attempt)
      SELECT ${tenant}, job_id, 'ready', 0 FROM added
    )
    SELECT idempotency_key AS key, job_id::text AS job_id FROM added`;
  return rows.map(({ key, job_id }) => [key, BigInt(job_id)] as const);
}

async function findLive(sql: Sql, tenant: string, jobs: readonly OwnParts[]): Promise<KeyAndId[]> {
  if (jobs.length === 0) return [];
  const rows = await sql<{ key: string; job_id: string }[]>`
    SELECT idempotency_key AS key, job_id::text AS job_id FROM control.jobs
    WHERE tenant = ${tenant} AND idempotency_key = ANY(${jobs.map(({ idempotencyKey }) => idempotencyKey)}::text[])
      AND state IN ('blocked', 'ready', 'leased')`;
  return rows.map(({ key, job_id }) => [key, BigInt(job_id)] as const);
}
