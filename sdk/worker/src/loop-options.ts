import type { Artifact } from "./artifact.ts";
import type { LeasedJob, Ledger } from "./ledger.ts";

/** How an attempt ended, as its worker saw it. */
export type Outcome = "succeeded" | "retry" | "failed" | "dead" | "released" | "lease_lost";

/** An attempt, as its handler sees it. */
export interface Attempt {
  /** Aborts when the job is cancelled or lost, when the attempt takes too long, or when the worker stops. */
  readonly signal: AbortSignal;
  /** Keeps how far the job has come, 0 to 1, for the next heartbeat. */
  readonly setProgress: (progress: number) => void;
  /** Adds what the job produced to the report of its success. */
  readonly addArtifact: (artifact: Artifact) => void;
}

export interface LoopOptions<Job extends LeasedJob> {
  readonly ledger: Ledger<Job>;
  readonly kinds: readonly string[];
  /** The worker's name in history. */
  readonly name: string;
  readonly concurrency: number;
  /** A lease is extended at least three times in its length; a job whose worker is gone is rescued after it. */
  readonly leaseSeconds: number;
  /** Wait between claims while there is nothing to do. */
  readonly pollSeconds: number;
  /** The longest time that an attempt may take; null for no limit. */
  readonly deadlineSeconds: number | null;
  /** How long a worker that stops waits for its jobs before it aborts them and hands them back. */
  readonly drainSeconds: number;
  /** Does a job; what it returns is stored as JSON. */
  readonly handle: (job: Job, attempt: Attempt) => Promise<unknown>;
  readonly onStarted: (job: Job) => void;
  readonly onEnded: (job: Job, outcome: Outcome, message: string | null, seconds: number) => void;
  /** A call to the ledger failed. It is repeated, unless the ledger refuses it. */
  readonly onCallFailed: (call: "claim" | "extend" | "report", error: Error) => void;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Seconds on a monotonic clock. */
  readonly stopwatch: () => number;
}
