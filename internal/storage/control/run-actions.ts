import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";
import { cancelWithin } from "./job-actions.ts";
import { rerunJobs } from "./rerun.ts";
import { type CreatedRun, createRun, type NewRun } from "./runs.ts";

/** Makes a run; the audit log keeps who did, and why. */
export function makeRun(sql: postgres.Sql, actor: Actor, run: Omit<NewRun, "actor" | "reason">): Promise<CreatedRun> {
  const target = { kind: run.kind, feed: run.feed };
  return audited(sql, actor, { action: "runs.create", target }, async (transaction) => {
    const result = await createRun(transaction, actor.tenant, { ...run, actor: actor.name, reason: actor.reason });
    return { result, shown: { run: String(result.runId), jobs: result.jobs.length } };
  });
}

/**
 * Cancels the jobs of a run that have not ended, also those that another run waits for; returns how many.
 * @throws InputError if the tenant has no such run
 */
export function cancelRun(sql: postgres.Sql, actor: Actor, runId: bigint): Promise<number> {
  return actOnRun(sql, actor, "runs.cancel", runId, cancelWithin);
}

/**
 * Has the jobs of a run that failed, died or were cancelled run again; returns how many.
 * @throws InputError if the tenant has no such run
 */
export function retryRun(sql: postgres.Sql, actor: Actor, runId: bigint): Promise<number> {
  const how = { states: ["failed", "dead", "cancelled"], spacingSeconds: 0 };
  return actOnRun(sql, actor, "runs.retry", runId, (transaction, by, ids) => rerunJobs(transaction, by, ids, how));
}

function actOnRun(
  sql: postgres.Sql,
  actor: Actor,
  action: string,
  runId: bigint,
  act: (sql: Sql, actor: Actor, ids: readonly bigint[]) => Promise<bigint[]>,
): Promise<number> {
  return audited(sql, actor, { action, target: { run: String(runId) } }, async (transaction) => {
    const rows = await transaction<{ job_id: string }[]>`
      SELECT job_id::text AS job_id FROM control.run_windows
      WHERE tenant = ${actor.tenant} AND run_id = ${String(runId)}::bigint
      UNION
      SELECT merge_job_id::text FROM control.runs
      WHERE tenant = ${actor.tenant} AND run_id = ${String(runId)}::bigint AND merge_job_id IS NOT NULL`;
    if (rows.length === 0) throw new InputError(`there is no run ${runId}`);
    const ids = rows.map(({ job_id }) => BigInt(job_id));
    const { length } = await act(transaction, actor, ids);
    return { result: length, shown: { jobs: length } };
  });
}
