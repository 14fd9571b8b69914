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
/** How long a lane stays open at least. */
const OPEN_SECONDS = 600;

/** Returns jobs whose lease has ended to their lanes, at most a thousand; those beyond help are dead. */
export async function rescueJobs(sql: Sql): Promise<RescuedJob[]> {
  const rows = await sql<
    { tenant: string; job_id: string; state: RescuedJob["state"]; attempt: number; worker: string }[]
  >`
    SELECT tenant, job_id::text AS job_id, state, attempt, worker
    FROM control.rescue_jobs(${BATCH}, ${MAX_WORKERS_LOST})`;
  return rows.map(({ job_id, ...row }) => ({ ...row, jobId: BigInt(job_id) }));
}

/**
 * Closes lanes in which no job waits or runs, at most a thousand, so that claims do not look at them; returns how many.
 * The next job opens its lane again.
 * @param openSeconds how long a lane stays open at least
 */
export async function closeLanes(sql: Sql, openSeconds: number = OPEN_SECONDS): Promise<number> {
  const [row] = await sql<{ closed: number }[]>`
    SELECT control.close_lanes(${BATCH}, ${openSeconds} * interval '1 second') AS closed`;
  return row?.closed ?? 0;
}
