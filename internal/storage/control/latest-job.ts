import type { Sql } from "../connection/pool.ts";

/** Returns the idempotency key of the job that collects a source. */
export function liveKey(source: string): string {
  return `live:${source}`;
}

/** Returns the newest job that collects a source; null where there was none. */
export async function latestLiveJob(
  sql: Sql,
  tenant: string,
  source: string,
): Promise<{ readonly jobId: bigint; readonly state: string } | null> {
  const [row] = await sql<{ job_id: string; state: string }[]>`
    SELECT job_id::text AS job_id, state FROM control.jobs
    WHERE tenant = ${tenant} AND idempotency_key = ${liveKey(source)} AND idempotency_key LIKE 'live:%'
    ORDER BY job_id DESC LIMIT 1`;
  return row === undefined ? null : { jobId: BigInt(row.job_id), state: row.state };
}
