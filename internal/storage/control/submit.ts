import { InputError } from "../../canonical/input-error.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { storableJson } from "./storable.ts";

/** A job to submit. */
export interface NewJob {
  readonly kind: string;
  /** Any JSON value; the kind's handler knows its shape. */
  readonly payload: unknown;
  /** 0 is the most urgent, 9 the least. */
  readonly priority: number;
  /** Source and host that the job works with; limits of both apply to it. Empty for none. */
  readonly source: string;
  readonly host: string;
  /** The feed that it collects for, and the run that it is made with; a pause of either holds it. Null for none. */
  readonly feed: string | null;
  readonly runId: bigint | null;
  /** When it may start; null for at once. */
  readonly runAt: Micros | null;
  readonly maxAttempts: number;
  /** While a job with this key has not ended, submitting another one gives the first. Null for none. */
  readonly idempotencyKey: string | null;
  /** Ids of jobs of the tenant that must succeed first. */
  readonly needs: readonly bigint[];
  readonly traceparent: string | null;
}

export interface SubmittedJob {
  readonly jobId: bigint;
  /** False if a job with the same idempotency key existed. */
  readonly isNew: boolean;
}

/**
 * Submits a job in the caller's transaction, so that it exists if and only if that commits.
 * The caller keeps that short: whoever reports a needed job, or submits to the same new lane, waits for it.
 * @throws InputError if a needed job does not exist or has ended without success, or the payload cannot be stored
 */
export async function submitJob(sql: Sql, tenant: string, job: NewJob): Promise<SubmittedJob> {
  const runId = idText(job.runId);
  const payload = storableJson(job.payload);
  const { lane, isHeld } = await laneOf(sql, tenant, job);
  const pending = await lockNeeds(sql, tenant, job.needs);
  for (;;) {
    const [added] = await sql<{ job_id: string }[]>`
      WITH added AS (
        INSERT INTO control.jobs (
          tenant, lane_id, feed, run_id, is_held, state, payload, idempotency_key, pending, run_at, ready_order,
          max_attempts, traceparent
        )
        SELECT ${tenant}, ${lane}::bigint, ${job.feed}, ${runId}::bigint, ${isHeld}, CASE WHEN pending > 0 THEN 'blocked' ELSE 'ready' END,
          ${payload}::text::jsonb, ${job.idempotencyKey}, pending, run_at,
          CASE WHEN pending = 0 AND NOT ${isHeld} AND run_at <= clock_timestamp() THEN nextval('control.ready_order') END,
          ${job.maxAttempts}, ${job.traceparent}
        FROM (
          SELECT ${pending.length}::integer AS pending,
            -- Not in the past: a lane rises by how long its first job waits.
            greatest(${job.runAt === null ? null : timestamptz(job.runAt)}::timestamptz, clock_timestamp()) AS run_at
        ) AS given
        ON CONFLICT (tenant, idempotency_key)
          WHERE idempotency_key IS NOT NULL AND state IN ('blocked', 'ready', 'leased')
          DO NOTHING
        RETURNING job_id, state
      ),
      edges AS (
        INSERT INTO control.dag_edges (tenant, job_id, needs)
        SELECT ${tenant}, job_id, needs FROM added CROSS JOIN unnest(${pending.map(String)}::text[]::bigint[]) AS needs
      ),
      logged AS (
        INSERT INTO control.job_history (tenant, job_id, to_state, attempt)
        SELECT ${tenant}, job_id, state, 0 FROM added
      )
      SELECT job_id::text AS job_id FROM added`;
    if (added !== undefined) return { jobId: BigInt(added.job_id), isNew: true };
    const [existing] = await sql<{ job_id: string }[]>`
      SELECT job_id::text AS job_id FROM control.jobs
      WHERE tenant = ${tenant} AND idempotency_key = ${job.idempotencyKey} AND state IN ('blocked', 'ready', 'leased')`;
    if (existing !== undefined) return { jobId: BigInt(existing.job_id), isNew: false };
    // It ended between the two statements, so that the key is free again.
  }
}

export const idText = (id: bigint | null): string | null => (id === null ? null : String(id));

/** Returns the lane of a job, which is added if need be, and whether a pause of its feed or run holds the job. */
export async function laneOf(
  sql: Sql,
  tenant: string,
  {
    kind,
    priority,
    source,
    host,
    feed,
    runId,
  }: Pick<NewJob, "kind" | "priority" | "source" | "host" | "feed" | "runId">,
): Promise<{ readonly lane: string; readonly isHeld: boolean }> {
  // What may be paused is locked before any job: whoever pauses or resumes locks them in this order, too.
  // The lock keeps the lane open until the end of the transaction (control.close_lanes).
  const find = () => sql<{ lane: string; isOpen: boolean; isHeld: boolean }[]>`
    SELECT lane_id::text AS lane, is_open AS "isOpen",
      ${feed === null && runId === null ? sql`false` : sql`control.is_held(${tenant}, ${feed}, ${idText(runId)}::bigint)`} AS "isHeld"
    FROM control.lanes
    WHERE tenant = ${tenant} AND kind = ${kind} AND priority = ${priority} AND source = ${source} AND host = ${host}
    FOR KEY SHARE`;
  const [found] = await find();
  if (found?.isOpen === false) await openLanes(sql, [found.lane]);
  if (found !== undefined) return found;
  await sql`
    INSERT INTO control.lanes (tenant, kind, priority, source, host)
    VALUES (${tenant}, ${kind}, ${priority}, ${source}, ${host})
    ON CONFLICT DO NOTHING`;
  const [added] = await find();
  if (added === undefined) throw new Error("the lane was not stored");
  return added;
}

/** Opens lanes, and keeps them open until the end of the transaction. */
export async function openLanes(sql: Sql, lanes: readonly string[]): Promise<void> {
  if (lanes.length > 0) await sql`SELECT control.open_lanes(${[...lanes]}::text[]::bigint[])`;
}

/**
 * Locks the needed jobs until the end of the transaction, so that none of them succeeds unseen; returns those that have
 * not succeeded.
 */
async function lockNeeds(sql: Sql, tenant: string, needs: readonly bigint[]): Promise<bigint[]> {
  if (needs.length === 0) return [];
  const rows = await sql<{ job_id: string; state: string }[]>`
    SELECT job_id::text AS job_id, state FROM control.jobs
    WHERE tenant = ${tenant} AND job_id = ANY(${needs.map(String)}::text[]::bigint[])
    ORDER BY control.jobs.job_id
    FOR SHARE`;
  const states = new Map(rows.map(({ job_id, state }) => [BigInt(job_id), state]));
  const missing = needs.find((id) => !states.has(id));
  if (missing !== undefined) throw new InputError(`needs job ${missing}, which does not exist`);
  const ended = [...states].find(([, state]) => ["failed", "dead", "cancelled"].includes(state));
  if (ended !== undefined) throw new InputError(`needs job ${ended[0]}, which is ${ended[1]}; retry that one first`);
  return [...states].filter(([, state]) => state !== "succeeded").map(([id]) => id);
}
