import type { Sql } from "../connection/pool.ts";
import { DELIVER_KIND } from "./deliveries.ts";

/**
 * Lets deliveries go on that wait for one of their key that will not succeed: what is dead does not hold back the rest. If
 * that one is redriven, it comes out of order. In the caller's transaction (READ COMMITTED).
 * @returns how many such deliveries no longer hold others back
 */
export async function releaseWaiting(sql: Sql, tenant: string, limit = 1000): Promise<number> {
  const rows = await sql<{ job_id: string }[]>`
    SELECT needed.job_id::text AS job_id
    FROM control.lanes
    JOIN control.jobs AS waiting ON waiting.lane_id = lanes.lane_id AND waiting.state = 'blocked'
      AND waiting.ready_order IS NULL
    JOIN control.dag_edges AS edges ON edges.tenant = waiting.tenant AND edges.job_id = waiting.job_id
    JOIN control.jobs AS needed ON needed.tenant = edges.tenant AND needed.job_id = edges.needs
      AND needed.state IN ('failed', 'dead', 'cancelled')
    WHERE lanes.tenant = ${tenant} AND lanes.kind = ${DELIVER_KIND}
    LIMIT ${limit}`;
  if (rows.length === 0) return 0;
  // Whoever runs one of them again locks it first.
  const ended = await sql<{ job_id: string }[]>`
    SELECT job_id::text AS job_id FROM control.jobs
    WHERE tenant = ${tenant} AND job_id = ANY(${rows.map(({ job_id }) => job_id)}::text[]::bigint[])
      AND state IN ('failed', 'dead', 'cancelled')
    ORDER BY control.jobs.job_id
    FOR NO KEY UPDATE`;
  const ids = ended.map(({ job_id }) => job_id);
  await sql`SELECT control.unblock(${tenant}, ${ids}::text[]::bigint[])`;
  // It must not be counted a second time when one of them is redriven and succeeds.
  await sql`
    DELETE FROM control.dag_edges WHERE tenant = ${tenant} AND needs = ANY(${ids}::text[]::bigint[])`;
  return ids.length;
}
