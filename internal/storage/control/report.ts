import type { Sql } from "../connection/pool.ts";
import { storableText } from "./storable.ts";

/** A lease that its worker holds. */
export interface HeldLease {
  readonly jobId: bigint;
  readonly leaseToken: bigint;
}

/** How an attempt ended. */
export interface Report extends HeldLease {
  /**
   * `failed`: another attempt would fail as well. `retry`: after `retrySeconds`, unless attempts are used up.
   * `released`: handed back, which uses up no attempt.
   */
  readonly outcome: "succeeded" | "retry" | "failed" | "released";
  readonly retrySeconds: number;
  /**
   * The host asked for fewer requests (status 429, 418 or 503, or a code in its answer): all workers slow down. What it
   * said about when to come back wins over `retrySeconds`; null if it said nothing. Null where it did not ask.
   */
  readonly throttle: { readonly retryAfterSeconds: number | null } | null;
  /** A stable code of the failure. */
  readonly reason: string | null;
  readonly message: string | null;
}

/** The state after an accepted report. */
export interface Reported {
  readonly jobId: bigint;
  readonly state: "succeeded" | "ready" | "failed" | "dead";
}

/** Ends attempts. Jobs whose lease is no longer the worker's are left out of the result, and do not change. */
export async function reportJobs(sql: Sql, tenant: string, reports: readonly Report[]): Promise<Reported[]> {
  const given = reports.map(({ jobId, leaseToken, outcome, retrySeconds, throttle, reason, message }) => ({
    job_id: String(jobId),
    lease_token: String(leaseToken),
    outcome,
    retry_seconds: retrySeconds,
    is_throttled: throttle !== null,
    retry_after_seconds: atMostADay(throttle?.retryAfterSeconds ?? null),
    reason,
    message: message === null ? null : storableText(message),
  }));
  const rows = await sql<{ job_id: string; state: Reported["state"] }[]>`
    SELECT job_id::text AS job_id, state
    FROM control.report_jobs(${tenant}, ${JSON.stringify(given)}::text::jsonb)`;
  return rows.map(({ job_id, state }) => ({ jobId: BigInt(job_id), state }));
}

/** A host that asks for more is asked again after a day. */
function atMostADay(seconds: number | null): number | null {
  return seconds === null ? null : Math.min(seconds, 86_400);
}

/** A lease that is still the worker's. */
export interface KeptLease {
  readonly leaseToken: bigint;
  /** False where another transaction has locked the job, so that its lease could not be extended now. */
  readonly isExtended: boolean;
}

/** A lease to extend. */
export interface ExtendedLease extends HeldLease {
  /** How far the attempt has come, 0 to 1; without it, what was said before stays. */
  readonly progress?: number | null;
}

/** Extends leases, without waiting for jobs that are locked; returns those that are still the worker's. */
export async function extendLeases(
  sql: Sql,
  tenant: string,
  leases: readonly ExtendedLease[],
  leaseSeconds: number,
): Promise<KeptLease[]> {
  const rows = await sql<{ lease_token: string; is_extended: boolean }[]>`
    WITH asked AS (
      SELECT ${tenant}::text AS tenant, * FROM unnest(
        ${leases.map(({ jobId }) => String(jobId))}::text[]::bigint[],
        ${leases.map(({ leaseToken }) => String(leaseToken))}::text[]::bigint[],
        ${leases.map(({ progress }) => progress?.toString() ?? null)}::text[]::double precision[]
      ) AS held (job_id, lease_token, progress)
    ),
    kept AS (
      SELECT tenant, job_id, lease_token, asked.progress FROM control.jobs JOIN asked USING (tenant, job_id, lease_token)
      WHERE state = 'leased'
    ),
    locked AS (
      SELECT tenant, job_id, kept.progress FROM control.jobs JOIN kept USING (tenant, job_id, lease_token)
      WHERE state = 'leased'
      ORDER BY jobs.job_id
      FOR NO KEY UPDATE OF jobs SKIP LOCKED
    ),
    extended AS (
      UPDATE control.jobs SET leased_until = clock_timestamp() + ${leaseSeconds} * interval '1 second',
        progress = coalesce(locked.progress, jobs.progress)
      FROM locked
      WHERE jobs.tenant = locked.tenant AND jobs.job_id = locked.job_id
      RETURNING jobs.lease_token
    )
    SELECT lease_token::text AS lease_token, lease_token IN (SELECT lease_token FROM extended) AS is_extended FROM kept`;
  return rows.map(({ lease_token, is_extended }) => ({ leaseToken: BigInt(lease_token), isExtended: is_extended }));
}
