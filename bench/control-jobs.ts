import type { Sql } from "../internal/storage/connection/pool.ts";

/** Rows of the ledger for benchmarks, written in bulk: what they measure is what comes after. */

export const TENANT = "default";

/** Adds empty ready jobs of a kind, for a host if it is not empty. */
export async function addReady(sql: Sql, count: number, kind: string, host = ""): Promise<void> {
  await sql`
    WITH lane AS (
      INSERT INTO control.lanes (tenant, kind, priority, source, host) VALUES (${TENANT}, ${kind}, 5, '', ${host})
      ON CONFLICT (tenant, kind, priority, source, host) DO UPDATE SET kind = excluded.kind
      RETURNING lane_id
    ),
    added AS (
      INSERT INTO control.jobs (tenant, lane_id, state, payload, ready_order)
      SELECT ${TENANT}, lane_id, 'ready', '{}', nextval('control.ready_order')
      FROM lane CROSS JOIN generate_series(1, ${count}::integer)
      RETURNING job_id
    )
    INSERT INTO control.job_history (tenant, job_id, to_state, attempt) SELECT ${TENANT}, job_id, 'ready', 0 FROM added`;
}

/** Adds jobs that wait for one that never succeeds. */
export async function addBlocked(sql: Sql, count: number, kind: string): Promise<void> {
  await addReady(sql, 1, `${kind}.needed`);
  await sql`
    WITH needed AS (SELECT job_id, lane_id FROM control.jobs ORDER BY job_id DESC LIMIT 1),
    added AS (
      INSERT INTO control.jobs (tenant, lane_id, state, payload, pending)
      SELECT ${TENANT}, lane_id, 'blocked', '{}', 1 FROM needed CROSS JOIN generate_series(1, ${count}::integer)
      RETURNING job_id
    )
    INSERT INTO control.dag_edges (tenant, job_id, needs)
    SELECT ${TENANT}, added.job_id, needed.job_id FROM added CROSS JOIN needed`;
}

/** Adds history of jobs that are gone. */
export async function addHistory(sql: Sql, rows: number): Promise<void> {
  const PART = 1_000_000;
  for (let from = 0; from < rows; from += PART) {
    await sql`
      INSERT INTO control.job_history (tenant, job_id, from_state, to_state, attempt)
      SELECT ${TENANT}, 1000000000 + n, 'leased', 'succeeded', 1
      FROM generate_series(${from}::integer, ${Math.min(from + PART, rows) - 1}::integer) AS n`;
  }
}

/** Forgets all jobs, so that the next measure begins with empty tables. */
export async function removeJobs(sql: Sql): Promise<void> {
  await sql`TRUNCATE control.jobs CASCADE`;
}
