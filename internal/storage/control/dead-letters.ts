import type postgres from "postgres";
import { InputError } from "../../canonical/input-error.ts";
import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import { type Actor, audited } from "./audit.ts";
import { rerunJobs } from "./rerun.ts";

/** A job that ended dead. */
export interface DeadLetter {
  readonly jobId: bigint;
  readonly kind: string;
  readonly source: string;
  readonly host: string;
  readonly attempt: number;
  /** A stable code, and what the worker said. */
  readonly reason: string;
  readonly message: string | null;
  readonly diedAt: Micros;
}

/** Which dead letters; null for any. */
export interface DeadLetterFilter {
  readonly kind: string | null;
  readonly host: string | null;
  readonly reason: string | null;
}

/** Returns dead letters, the newest jobs first, with ids below `before`; null to begin with the newest. */
export async function listDeadLetters(
  sql: Sql,
  tenant: string,
  {
    filter,
    before,
    limit,
  }: { readonly filter: DeadLetterFilter; readonly before: bigint | null; readonly limit: number },
): Promise<DeadLetter[]> {
  const rows = await sql<(Omit<DeadLetter, "jobId" | "diedAt"> & { job_id: string; died: string })[]>`
    SELECT job_id::text AS job_id, kind, source, host, attempt, reason, message,
      (extract(epoch FROM died_at) * 1000000)::bigint::text AS died
    FROM ${matching(sql, tenant, filter)}
      ${before === null ? sql`` : sql`AND job_id < ${String(before)}::bigint`}
    ORDER BY control.dead_letters.job_id DESC
    LIMIT ${limit}`;
  return rows.map(({ job_id, died, ...row }) => ({ ...row, jobId: BigInt(job_id), diedAt: BigInt(died) }));
}

/** So many dead letters are redriven by one call. */
const MOST_REDRIVEN = 10_000;

export interface Redrive {
  readonly filter: DeadLetterFilter;
  /** Jobs become due one after another, so many in a minute. */
  readonly perMinute: number;
  /** Only counts. */
  readonly isDryRun: boolean;
}

export interface Redriven {
  /** Dead letters that match. */
  readonly matching: number;
  /** Those that run again: not more than ten thousand of one call, the oldest first, and none whose idempotency key a newer job has. */
  readonly redriven: number;
}

/**
 * Has the dead letters that match run again, each with five more attempts.
 * @throws InputError where the filter names nothing
 */
export async function redriveDeadLetters(
  sql: postgres.Sql,
  actor: Actor,
  { filter, perMinute, isDryRun }: Redrive,
): Promise<Redriven> {
  if (Object.values(filter).every((part) => part === null))
    throw new InputError("redrive needs a filter: a kind, a host or a reason");
  const { tenant } = actor;
  if (isDryRun) return { matching: await count(sql, tenant, filter), redriven: 0 };
  const target = { ...filter, per_minute: perMinute };
  return audited(sql, actor, { action: "dead_letters.redrive", target }, async (transaction) => {
    const total = await count(transaction, tenant, filter);
    const rows = await transaction<{ job_id: string }[]>`
      SELECT job_id::text AS job_id FROM ${matching(transaction, tenant, filter)}
      ORDER BY control.dead_letters.job_id LIMIT ${MOST_REDRIVEN}`;
    const ids = rows.map(({ job_id }) => BigInt(job_id));
    const spacing = { states: ["dead"], spacingSeconds: 60 / perMinute };
    const redriven = await rerunJobs(transaction, actor, ids, spacing);
    const result = { matching: total, redriven: redriven.length };
    return { result, shown: result };
  });
}

async function count(sql: Sql, tenant: string, filter: DeadLetterFilter): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::integer AS count FROM ${matching(sql, tenant, filter)}`;
  return row?.count ?? 0;
}

function matching(sql: Sql, tenant: string, { kind, host, reason }: DeadLetterFilter) {
  return sql`
    control.dead_letters
    JOIN control.jobs USING (tenant, job_id)
    JOIN control.lanes USING (tenant, lane_id)
    WHERE tenant = ${tenant}
      ${kind === null ? sql`` : sql`AND kind = ${kind}`}
      ${host === null ? sql`` : sql`AND host = ${host}`}
      ${reason === null ? sql`` : sql`AND reason = ${reason}`}`;
}
