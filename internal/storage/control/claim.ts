import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

/** What a worker asks for. */
export interface ClaimRequest {
  readonly tenant: string;
  readonly kinds: readonly string[];
  /** The worker's name, which history shows. */
  readonly worker: string;
  readonly maxJobs: number;
  readonly leaseSeconds: number;
}

/** A job that a worker holds until `leasedUntil`, under a token that every call about it must show. */
export interface LeasedJob {
  readonly jobId: bigint;
  readonly kind: string;
  readonly payload: unknown;
  /** Counted from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly leaseToken: bigint;
  /** By the database's clock. */
  readonly leasedUntil: Micros;
  readonly source: string;
  readonly host: string;
  /** The feed that it collects for, and the run that it was made with; null for none. */
  readonly feed: string | null;
  readonly runId: bigint | null;
  readonly traceparent: string | null;
}

/** Leases ready jobs to a worker. */
export type Claim = (sql: Sql, request: ClaimRequest) => Promise<LeasedJob[]>;

interface Row {
  job_id: string;
  lane_id: string;
  kind: string;
  payload: unknown;
  attempt: number;
  max_attempts: number;
  lease_token: string;
  leased_until: string;
  source: string;
  host: string;
  feed: string | null;
  run_id: string | null;
  traceparent: string | null;
  ready_order: string;
  next_due_mark: string | null;
}

/** After so long a claim reads all from the start: a job that was submitted first may have been committed last. */
const RESCAN_MS = 10_000;

/**
 * Makes a claim that remembers up to where each lane was seen empty, and until when each tenant's jobs were seen to become
 * due. PostgreSQL keeps the index entries of leased jobs while any older transaction is open; without the marks each claim
 * would read them all again.
 * @param now milliseconds of a monotonic clock
 */
export function makeClaim(now: () => number): Claim {
  let marks = new Map<string, bigint>();
  let dueMarks = new Map<string, string>();
  let markedSince = now();
  return async (sql, { tenant, kinds, worker, maxJobs, leaseSeconds }) => {
    if (now() - markedSince >= RESCAN_MS) {
      marks = new Map();
      dueMarks = new Map();
      markedSince = now();
    }
    const rows = await sql<Row[]>`
      SELECT job_id::text AS job_id, lane_id::text AS lane_id, kind, payload, attempt, max_attempts,
        lease_token::text AS lease_token, (extract(epoch FROM leased_until) * 1000000)::bigint::text AS leased_until,
        source, host, feed, run_id::text AS run_id, traceparent, ready_order::text AS ready_order,
        next_due_mark::text AS next_due_mark
      FROM control.claim_jobs(
        ${tenant}, ${[...kinds]}::text[], ${worker}, ${maxJobs}, ${leaseSeconds} * interval '1 second',
        ${[...marks.keys()]}::text[]::bigint[], ${Array.from(marks.values(), String)}::text[]::bigint[],
        ${dueMarks.get(tenant) ?? null}::text::timestamptz
      )`;
    for (const { lane_id, ready_order, next_due_mark } of rows) {
      if (next_due_mark !== null) dueMarks.set(tenant, next_due_mark);
      const place = BigInt(ready_order);
      if (place >= (marks.get(lane_id) ?? 0n)) marks.set(lane_id, place + 1n);
    }
    return rows.map((row) => ({
      jobId: BigInt(row.job_id),
      kind: row.kind,
      payload: row.payload,
      attempt: row.attempt,
      maxAttempts: row.max_attempts,
      leaseToken: BigInt(row.lease_token),
      leasedUntil: BigInt(row.leased_until),
      source: row.source,
      host: row.host,
      feed: row.feed,
      runId: row.run_id === null ? null : BigInt(row.run_id),
      traceparent: row.traceparent,
    }));
  };
}
