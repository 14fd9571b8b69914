import type { Sql } from "../connection/pool.ts";
import type { HeldLease } from "./report.ts";

/** What a running worker asks of its job's host. */
export interface TokenRequest extends HeldLease {
  readonly tokens: number;
}

export interface GrantedTokens {
  /** So many requests may be sent now. */
  readonly granted: number;
  /** After so many seconds the rest may be asked for; 0 where all are granted. */
  readonly waitSeconds: number;
}

/** Takes tokens of a job's host for requests beyond its first; null where the lease is lost. */
export async function grantTokens(
  sql: Sql,
  tenant: string,
  { jobId, leaseToken, tokens }: TokenRequest,
): Promise<GrantedTokens | null> {
  const [row] = await sql<GrantedTokens[]>`
    SELECT granted, wait_seconds AS "waitSeconds"
    FROM control.grant_tokens(${tenant}, ${String(jobId)}::bigint, ${String(leaseToken)}::bigint, ${tokens})`;
  return row ?? null;
}
