import type { Sql } from "../connection/pool.ts";
import { storableJson } from "./storable.ts";

/** A job whose lane is locked by the caller (laneOf). */
export interface PlacedJob {
  readonly lane: string;
  readonly payload: unknown;
  readonly maxAttempts: number;
  readonly traceparent: string | null;
  /** Jobs of one chain are done one after the other; null for none. */
  readonly chain: string | null;
}

/**
 * Submits jobs of any lanes, in order, in the caller's transaction (READ COMMITTED): a job of a chain starts once the one
 * before it has succeeded. The caller has locked the chains against others who add to them.
 * @param heads the last job of each chain so far; one that has ended is waited for no more
 * @returns their ids
 */
export async function submitPlaced(
  sql: Sql,
  tenant: string,
  jobs: readonly PlacedJob[],
  heads: ReadonlyMap<string, bigint>,
): Promise<bigint[]> {
  const live = await lockLive(sql, tenant, [...heads.values()]);
  const last = new Map([...heads].filter(([, jobId]) => live.has(jobId)));
  const ids = await newIds(sql, jobs.length);
  const needs = jobs.map(({ chain }, index): string | null => {
    if (chain === null) return null;
    const before = last.get(chain);
    last.set(chain, ids[index] as bigint);
    return before === undefined ? null : String(before);
  });
  await sql`
    WITH given AS (
      SELECT * FROM unnest(
        ${ids.map(String)}::text[]::bigint[], ${jobs.map(({ lane }) => lane)}::text[]::bigint[],
        ${jobs.map(({ payload }) => storableJson(payload))}::text[], ${needs}::text[]::bigint[],
        ${jobs.map(({ maxAttempts }) => maxAttempts)}::integer[], ${jobs.map(({ traceparent }) => traceparent)}::text[]
      ) AS job (job_id, lane_id, payload, needs, max_attempts, traceparent)
    ),
    added AS (
      INSERT INTO control.jobs (
        tenant, job_id, lane_id, state, payload, pending, run_at, ready_order, max_attempts, traceparent
      ) OVERRIDING SYSTEM VALUE
      SELECT ${tenant}, job_id, lane_id, CASE WHEN needs IS NULL THEN 'ready' ELSE 'blocked' END, payload::jsonb,
        CASE WHEN needs IS NULL THEN 0 ELSE 1 END, clock_timestamp(),
        CASE WHEN needs IS NULL THEN nextval('control.ready_order') END, max_attempts, traceparent
      FROM (SELECT * FROM given ORDER BY job_id) AS sorted
      RETURNING job_id, state
    ),
    edges AS (
      INSERT INTO control.dag_edges (tenant, job_id, needs)
      SELECT ${tenant}, job_id, needs FROM given WHERE needs IS NOT NULL
    )
    INSERT INTO control.job_history (tenant, job_id, to_state, attempt)
    SELECT ${tenant}, job_id, state, 0 FROM added`;
  return ids;
}

/** Locks jobs that have not ended, so that none of them ends unseen; returns them. */
async function lockLive(sql: Sql, tenant: string, jobIds: readonly bigint[]): Promise<Set<bigint>> {
  if (jobIds.length === 0) return new Set();
  const rows = await sql<{ job_id: string }[]>`
    SELECT job_id::text AS job_id FROM control.jobs
    WHERE tenant = ${tenant} AND job_id = ANY(${jobIds.map(String)}::text[]::bigint[])
      AND state IN ('blocked', 'ready', 'leased')
    ORDER BY control.jobs.job_id
    FOR SHARE`;
  return new Set(rows.map(({ job_id }) => BigInt(job_id)));
}

async function newIds(sql: Sql, count: number): Promise<bigint[]> {
  const rows = await sql<{ id: string }[]>`
    SELECT nextval(pg_get_serial_sequence('control.jobs', 'job_id'))::text AS id
    FROM generate_series(1, ${count}::integer)`;
  return rows.map(({ id }) => BigInt(id)).sort((a, b) => (a < b ? -1 : 1));
}
