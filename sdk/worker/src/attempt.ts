import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Artifact } from "./artifact.ts";
import { backoffSeconds } from "./backoff.ts";
import { DeadlineExceeded, PermanentFailure, RetryLater, Throttled, WorkerStopped } from "./failures.ts";
import type { LeasedJob, Report } from "./ledger.ts";
import type { LoopOptions } from "./loop-options.ts";
import { sendReport } from "./send-report.ts";

/** How long aborted work may take to end before it is given up. */
const ABORT_GRACE_MS = 3000;

/** A job that runs here. */
export interface Running<Job extends LeasedJob> {
  readonly job: Job;
  readonly controller: AbortController;
  /** When the lease has ended for certain, on this process's clock, unless it is extended before. */
  readonly lease: { until: number };
  readonly progress: { readonly last: number | null };
  /** Settles once the end of the attempt is reported; never rejects. */
  readonly reported: Promise<void>;
  /** Settles once the work has ended, too, and its place is free; never rejects. */
  readonly freed: Promise<void>;
}

/** Starts the work of a job, and reports its end. */
export function startAttempt<Job extends LeasedJob>(
  job: Job,
  leasedUntil: number,
  options: LoopOptions<Job>,
  stop: AbortSignal,
): Running<Job> {
  const controller = new AbortController();
  const { signal } = controller;
  const progress = { last: null as number | null };
  const artifacts: Artifact[] = [];
  const attempt = {
    signal,
    setProgress: (value: number): void => {
      progress.last = value;
    },
    addArtifact: (artifact: Artifact): void => {
      artifacts.push(artifact);
    },
  };
  // A handler that throws at once, or returns what is no JSON, fails its job only.
  const work = Promise.resolve()
    .then(() => options.handle(job, attempt))
    .then((result) => JSON.stringify(result ?? {}));
  const reported = withDeadline(options, controller, () => runJob(job, work, artifacts, options, signal, stop));
  // Work that was given up keeps its place until it has ended, so that no more runs than there are places.
  const freed = Promise.allSettled([work, reported]).then(() => {});
  return { job, controller, lease: { until: leasedUntil }, progress, reported, freed };
}

async function withDeadline(
  { deadlineSeconds }: { readonly deadlineSeconds: number | null },
  controller: AbortController,
  run: () => Promise<void>,
): Promise<void> {
  if (deadlineSeconds === null) return run();
  const error = new DeadlineExceeded(`the attempt took longer than ${deadlineSeconds} s`);
  const timer = setTimeout(() => controller.abort(error), deadlineSeconds * 1000);
  try {
    await run();
  } finally {
    clearTimeout(timer);
  }
}

async function runJob<Job extends LeasedJob>(
  job: Job,
  work: Promise<string>,
  artifacts: readonly Artifact[],
  options: LoopOptions<Job>,
  signal: AbortSignal,
  stop: AbortSignal,
): Promise<void> {
  const startedAt = options.stopwatch();
  options.onStarted(job);
  const report = await orGivenUp(work, signal).then(
    (message): Report => ({ ...reportOf(job, message), artifacts }),
    (error: unknown): Report => failureOf(job, error, signal, options.random),
  );
  const { outcome, message } = await sendReport(options, report, signal, stop);
  options.onEnded(job, outcome, message, options.stopwatch() - startedAt);
}

/**
 * Returns the work's result. Work that does not end soon after its signal aborts is given up: its result no longer
 * counts, and a worker that stops cannot wait for it.
 * @throws the signal's reason for work that was given up
 */
async function orGivenUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const givenUp = once(signal, "abort", { signal: over.signal })
    .then(() => sleep(ABORT_GRACE_MS, undefined, { signal: over.signal }))
    .then(() => Promise.reject(signal.reason));
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    over.abort();
    givenUp.catch(() => {});
  }
}

function failureOf(job: LeasedJob, error: unknown, signal: AbortSignal, random: () => number): Report {
  const message = error instanceof Error ? error.message : String(error);
  const failure = reportOf(job, message);
  if (error instanceof PermanentFailure) return { ...failure, outcome: "failed", reason: "permanent" };
  if (signal.reason instanceof WorkerStopped) return releaseOf(job, message);
  const retry = { ...failure, outcome: "retry", retrySeconds: backoffSeconds(job.attempt, random()) } as const;
  if (signal.reason instanceof DeadlineExceeded) {
    return { ...retry, reason: "deadline_exceeded", message: signal.reason.message };
  }
  if (error instanceof RetryLater) return { ...retry, retrySeconds: error.retrySeconds, reason: error.reason };
  if (!(error instanceof Throttled)) return { ...retry, reason: "error" };
  const { throttle, usesAttempt } = error;
  const retrySeconds = throttle.retryAfterSeconds ?? retry.retrySeconds;
  return { ...retry, outcome: usesAttempt ? "retry" : "released", retrySeconds, reason: "throttled", throttle };
}

export function releaseOf(job: LeasedJob, message: string | null): Report {
  return { ...reportOf(job, message), outcome: "released", reason: "worker_stopped" };
}

function reportOf({ jobId, leaseToken }: LeasedJob, message: string | null): Report {
  return {
    jobId,
    leaseToken,
    outcome: "succeeded",
    retrySeconds: 0,
    reason: null,
    message,
    throttle: null,
    artifacts: [],
  };
}
