import type { Sql } from "../connection/pool.ts";

/**
 * Returns the query that locks those of the jobs that are in one of the states, in the order of their ids. Who joins jobs to
 * its rows compares both columns of the key with them: beside a constant tenant of which there are no statistics yet,
 * PostgreSQL reads all jobs of the tenant for each row.
 */
export function lockJobs(sql: Sql, tenant: string, ids: readonly bigint[], states: readonly string[]) {
  return sql`
    SELECT tenant, job_id, lane_id, state, worker, idempotency_key, feed, run_id FROM control.jobs
    WHERE tenant = ${tenant} AND job_id = ANY(${ids.map(String)}::text[]::bigint[]) AND state = ANY(${[...states]}::text[])
    ORDER BY job_id
    FOR NO KEY UPDATE`;
}
