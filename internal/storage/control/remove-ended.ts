import type { Sql } from "../connection/pool.ts";

/** Jobs per transaction. */
const BATCH = 1000;

/**
 * Removes jobs of all tenants that ended so many days ago, with their history and artifacts, at most a thousand; returns
 * how many. Dead letters stay until they are redriven, and jobs of a run as long as one of them does. The audit log stays.
 */
export async function removeEndedJobs(sql: Sql, days: number, batch: number = BATCH): Promise<number> {
  const [row] = await sql<{ removed: number }[]>`
    SELECT control.remove_ended_jobs(${batch}, ${days} * interval '1 day') AS removed`;
  return row?.removed ?? 0;
}
