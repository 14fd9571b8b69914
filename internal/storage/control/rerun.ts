import type { Sql } from "../connection/pool.ts";
import type { Actor } from "./audit.ts";
import { lockJobs } from "./lock-jobs.ts";
import { openLanes } from "./submit.ts";

/** Attempts that a job gets on top of those it had. */
const FRESH_ATTEMPTS = 5;

/**
 * A job that was submitted meanwhile has taken the idempotency key of one that was to run again. Another try sees that
 * job. It has the code of a conflict with other transactions, after which `audited` runs an action again.
 */
class KeyTaken extends Error {
  override readonly name = "KeyTaken";
  readonly code = "40001";
}

/**
 * Has those of the jobs that are in one of the states run again, in the caller's transaction; returns their ids. They
 * become due one after another, so many seconds apart. One whose idempotency key a newer job has stays as it is.
 * @throws KeyTaken where the transaction is to be run again
 */
export async function rerunJobs(
  sql: Sql,
  { tenant, reason }: Pick<Actor, "tenant" | "reason">,
  ids: readonly bigint[],
  { states, spacingSeconds }: { readonly states: readonly string[]; readonly spacingSeconds: number },
): Promise<bigint[]> {
  const lanes = await sql<{ lane: string }[]>`
    SELECT DISTINCT lane_id::text AS lane FROM control.jobs
    WHERE tenant = ${tenant} AND job_id = ANY(${ids.map(String)}::text[]::bigint[]) AND state = ANY(${[...states]}::text[])`;
  await openLanes(
    sql,
    lanes.map(({ lane }) => lane),
  );
  const rows = await sql<{ job_id: string }[]>`
    WITH chosen AS (${lockJobs(sql, tenant, ids, states)}),
    free AS (
      -- Of several with one key, the newest.
      SELECT DISTINCT ON (coalesce(idempotency_key, job_id::text), idempotency_key IS NULL) * FROM chosen
      WHERE NOT EXISTS (
        SELECT FROM control.jobs AS newer
        WHERE newer.tenant = chosen.tenant AND newer.idempotency_key = chosen.idempotency_key
          AND newer.state IN ('blocked', 'ready', 'leased')
      )
      ORDER BY coalesce(idempotency_key, job_id::text), idempotency_key IS NULL, job_id DESC
    ),
    -- Once for each feed and run, in one order: it takes locks.
    holds AS MATERIALIZED (
      SELECT feed, run_id, control.is_held(${tenant}, feed, run_id) AS held
      FROM (SELECT DISTINCT feed, run_id FROM free ORDER BY feed, run_id) AS places
    ),
    spaced AS MATERIALIZED (
      SELECT free.*, held,
        clock_timestamp() + (row_number() OVER (ORDER BY job_id) - 1) * ${spacingSeconds}::float8 * interval '1 second' AS due
      FROM free
      JOIN holds ON coalesce(holds.feed, '') = coalesce(free.feed, '')
        AND coalesce(holds.run_id, 0) = coalesce(free.run_id, 0)
    ),
    exhumed AS (
      DELETE FROM control.dead_letters USING free
      WHERE dead_letters.tenant = free.tenant AND dead_letters.job_id = free.job_id
    ),
    changed AS (
      UPDATE control.jobs SET
        state = CASE WHEN jobs.pending > 0 THEN 'blocked' ELSE 'ready' END,
        ended_at = NULL, workers_lost = 0, max_attempts = jobs.attempt + ${FRESH_ATTEMPTS},
        run_at = greatest(jobs.run_at, due), is_held = held,
        ready_order = CASE
          WHEN jobs.pending = 0 AND NOT held AND greatest(jobs.run_at, due) <= clock_timestamp()
            THEN nextval('control.ready_order')
        END
      FROM spaced
      WHERE jobs.tenant = spaced.tenant AND jobs.job_id = spaced.job_id
      RETURNING jobs.job_id, spaced.state, jobs.state AS next, jobs.attempt
    )
    INSERT INTO control.job_history (tenant, job_id, from_state, to_state, attempt, reason, message)
    SELECT ${tenant}, job_id, state, next, attempt, 'retried', ${reason} FROM changed
    RETURNING job_id::text AS job_id`.catch((error) => {
    throw isKeyTaken(error) ? new KeyTaken("an idempotency key was taken meanwhile", { cause: error }) : error;
  });
  return rows.map(({ job_id }) => BigInt(job_id)).sort((a, b) => Number(a - b));
}

function isKeyTaken(error: { readonly code?: unknown; readonly constraint_name?: unknown }): boolean {
  return error.code === "23505" && error.constraint_name === "jobs_idempotency";
}
