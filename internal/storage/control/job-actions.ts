import type postgres from "postgres";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";
import { lockJobs } from "./lock-jobs.ts";
import { rerunJobs } from "./rerun.ts";
import { openLanes } from "./submit.ts";

export interface CancelledJobs {
  readonly cancelled: bigint[];
  /** Jobs that need one of these, also through others: they stay blocked until these are retried. */
  readonly leftBlocked: number;
}

/** Cancels jobs that have not ended. A worker learns of it with its next call. */
export function cancelJobs(sql: postgres.Sql, actor: Actor, ids: readonly bigint[]): Promise<CancelledJobs> {
  return audited(sql, actor, { action: "jobs.cancel", target: { jobs: ids.map(String) } }, async (transaction) => {
    const cancelled = await cancelWithin(transaction, actor, ids);
    const leftBlocked = await countBlocked(transaction, actor.tenant, cancelled);
    return {
      result: { cancelled, leftBlocked },
      shown: { jobs: cancelled.map(String), left_blocked: leftBlocked },
    };
  });
}

/** Cancels those of the jobs that have not ended, in the caller's transaction; returns their ids. */
export async function cancelWithin(
  sql: Sql,
  { tenant, reason }: Pick<Actor, "tenant" | "reason">,
  ids: readonly bigint[],
): Promise<bigint[]> {
  const rows = await sql<{ job_id: string }[]>`
    WITH chosen AS (${lockJobs(sql, tenant, ids, ["blocked", "ready", "leased"])}),
    changed AS (
      UPDATE control.jobs SET
        state = 'cancelled', ended_at = clock_timestamp(), leased_until = NULL, worker = NULL, ready_order = NULL
      FROM chosen
      WHERE jobs.tenant = chosen.tenant AND jobs.job_id = chosen.job_id
      RETURNING jobs.job_id, chosen.state, jobs.attempt, jobs.lease_token, chosen.worker
    )
    INSERT INTO control.job_history (
      tenant, job_id, from_state, to_state, attempt, lease_token, worker, reason, message
    )
    SELECT ${tenant}, job_id, state, 'cancelled', attempt, lease_token, worker, 'cancelled', ${reason}
    FROM changed
    RETURNING job_id::text AS job_id`;
  return sorted(rows);
}

/**
 * Has jobs that failed, died or were cancelled run again; returns their ids. One whose idempotency key a newer job has
 * meanwhile stays as it is.
 */
export function retryJobs(sql: postgres.Sql, actor: Actor, ids: readonly bigint[]): Promise<bigint[]> {
  return audited(sql, actor, { action: "jobs.retry", target: { jobs: ids.map(String) } }, async (transaction) => {
    const states = ["failed", "dead", "cancelled"];
    const changed = await rerunJobs(transaction, actor, ids, { states, spacingSeconds: 0 });
    return { result: changed, shown: { jobs: changed.map(String) } };
  });
}

/** Moves jobs that have not ended to the end of the lane of a priority, 0 to 9; returns those of another one. */
export function prioritizeJobs(
  sql: postgres.Sql,
  actor: Actor,
  ids: readonly bigint[],
  priority: number,
): Promise<bigint[]> {
  const { tenant } = actor;
  const target = { jobs: ids.map(String), priority };
  return audited(sql, actor, { action: "jobs.prioritize", target }, async (transaction) => {
    await transaction`
      INSERT INTO control.lanes (tenant, kind, priority, source, host)
      SELECT DISTINCT lanes.tenant, kind, ${priority}::smallint, source, host
      FROM control.jobs JOIN control.lanes USING (lane_id)
      WHERE jobs.tenant = ${tenant} AND job_id = ANY(${ids.map(String)}::text[]::bigint[])
      ORDER BY kind, source, host
      ON CONFLICT DO NOTHING`;
    const lanes = await transaction<{ lane: string }[]>`
      SELECT DISTINCT new.lane_id::text AS lane
      FROM control.jobs
      JOIN control.lanes AS old USING (lane_id)
      JOIN control.lanes AS new ON new.tenant = old.tenant AND new.kind = old.kind
        AND new.priority = ${priority} AND new.source = old.source AND new.host = old.host
      WHERE jobs.tenant = ${tenant} AND job_id = ANY(${ids.map(String)}::text[]::bigint[])`;
    await openLanes(
      transaction,
      lanes.map(({ lane }) => lane),
    );
    const rows = await transaction<{ job_id: string }[]>`
      WITH chosen AS (${lockJobs(transaction, tenant, ids, ["blocked", "ready", "leased"])})
      -- A place in one lane says nothing in another: the next claim gives a new one.
      UPDATE control.jobs SET lane_id = new.lane_id, ready_order = NULL
      FROM chosen
      JOIN control.lanes AS old USING (lane_id)
      JOIN control.lanes AS new ON new.tenant = old.tenant AND new.kind = old.kind
        AND new.priority = ${priority} AND new.source = old.source AND new.host = old.host
      WHERE jobs.tenant = chosen.tenant AND jobs.job_id = chosen.job_id AND new.lane_id <> old.lane_id
      RETURNING jobs.job_id::text AS job_id`;
    const changed = sorted(rows);
    return { result: changed, shown: { jobs: changed.map(String) } };
  });
}

async function countBlocked(sql: Sql, tenant: string, ids: readonly bigint[]): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    WITH RECURSIVE waiting (job_id) AS (
      SELECT job_id FROM control.dag_edges
      WHERE tenant = ${tenant} AND needs = ANY(${ids.map(String)}::text[]::bigint[])
      UNION
      SELECT dag_edges.job_id FROM control.dag_edges JOIN waiting ON dag_edges.needs = waiting.job_id
      WHERE tenant = ${tenant}
    )
    SELECT count(*)::integer AS count FROM control.jobs JOIN waiting USING (job_id)
    WHERE tenant = ${tenant} AND state = 'blocked'`;
  return row?.count ?? 0;
}

function sorted(rows: readonly { job_id: string }[]): bigint[] {
  return rows.map(({ job_id }) => BigInt(job_id)).sort((a, b) => Number(a - b));
}
