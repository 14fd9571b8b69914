import type { Artifact } from "./artifact.ts";
import type { Throttle } from "./failures.ts";

/** The right to do a job; every call about the job shows it. */
export interface Lease {
  readonly jobId: bigint;
  /** Greater than that of every lease before. */
  readonly leaseToken: bigint;
}

/** A job that this worker holds. */
export interface LeasedJob extends Lease {
  readonly kind: string;
  readonly payload: unknown;
  /** Counted from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
}

/** A lease to extend. */
export interface HeldLease extends Lease {
  /** How far the job has come, 0 to 1; null where its handler does not say. */
  readonly progress: number | null;
}

/** A lease that is still the worker's. */
export interface KeptLease {
  readonly leaseToken: bigint;
  /** False where the ledger could not extend it just now. */
  readonly isExtended: boolean;
}

/** How an attempt ended. */
export interface Report extends Lease {
  /**
   * `failed`: another attempt would fail as well. `retry`: after `retrySeconds`, unless attempts are used up.
   * `released`: handed back, which uses up no attempt.
   */
  readonly outcome: "succeeded" | "retry" | "failed" | "released";
  readonly retrySeconds: number;
  /** A stable code of the failure. */
  readonly reason: string | null;
  /** The result as JSON, or the failure in words. */
  readonly message: string | null;
  readonly throttle: Throttle | null;
  readonly artifacts: readonly Artifact[];
}

/** The state after a report that counts. */
export interface Reported {
  readonly state: "succeeded" | "ready" | "failed" | "dead";
}

/** The ledger as a worker sees it. A call that rejects is repeated, unless it rejects with CallRefused. */
export interface Ledger<Job extends LeasedJob> {
  readonly claim: (request: {
    readonly kinds: readonly string[];
    readonly worker: string;
    readonly maxJobs: number;
    readonly leaseSeconds: number;
  }) => Promise<Job[]>;
  /** Returns the leases that are still this worker's. */
  readonly extend: (leases: readonly HeldLease[], leaseSeconds: number) => Promise<KeptLease[]>;
  /** Returns the states of the jobs whose report counts; a lease that was lost changes nothing. */
  readonly report: (reports: readonly Report[]) => Promise<Reported[]>;
}
