import type { Sql } from "../connection/pool.ts";

/** A job whose worker was lost. */
export interface RescuedJob {
  readonly tenant: string;
  readonly jobId: bigint;
  readonly state: "ready" | "dead";
  readonly attempt: number;
  readonly worker: string;
}

/** A job that lost so many workers is dead. */
const MAX_WORKERS_LOST = 3;
const BATCH = 1000;

/** Returns jobs whose lease has ended to their lanes, at most a thousand; those beyond help are dead. */
export async function rescueJobs(sql: Sql): Promise<RescuedJob[]> {
  const rows = await sql<
    { tenant: string; job_id: string; state: RescuedJob["state"]; attempt: number; worker: string }[]
  >`
    SELECT tenant, job_id::text AS job_id, state, attempt, worker
    FROM control.rescue_jobs(${BATCH}, ${MAX_WORKERS_LOST})`;
  return rows.map(({ job_id, ...row }) => ({ ...row, jobId: BigInt(job_id) }));
}
