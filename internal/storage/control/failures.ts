import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

/** An attempt that ended badly. */
export interface Failure {
  readonly jobId: bigint;
  readonly kind: string;
  readonly host: string;
  readonly at: Micros;
  /** What became of the job. */
  readonly to: "ready" | "failed" | "dead";
  readonly worker: string | null;
  readonly reason: string | null;
  readonly message: string | null;
}

interface Row {
  job: string;
  kind: string;
  host: string;
  at: string;
  to: Failure["to"];
  worker: string | null;
  reason: string | null;
  message: string | null;
}

/** Returns the newest attempts that ended badly within so many seconds, newest first, without cancelled
 * jobs and workers that stop. */
export async function recentFailures(
  sql: Sql,
  tenant: string,
  { withinSeconds, limit }: { readonly withinSeconds: number; readonly limit: number },
): Promise<Failure[]> {
  const rows = await sql<Row[]>`
    SELECT failed.job_id::text AS job, kind, host, (extract(epoch FROM at) * 1000000)::bigint::text AS at,
      to_state AS to, failed.worker, reason, message
    FROM (
      SELECT * FROM control.job_history
      WHERE tenant = ${tenant} AND from_state = 'leased' AND to_state <> 'succeeded'
      ORDER BY entry_id DESC LIMIT ${limit}
    ) AS failed
    JOIN control.jobs USING (tenant, job_id)
    JOIN control.lanes USING (lane_id)
    WHERE at > statement_timestamp() - ${withinSeconds} * interval '1 second' AND to_state <> 'cancelled'
      AND reason IS DISTINCT FROM 'worker_stopped'
    ORDER BY failed.entry_id DESC`;
  return rows.map(({ job, at, ...rest }) => ({ ...rest, jobId: BigInt(job), at: BigInt(at) }));
}
