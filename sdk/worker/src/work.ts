import { hostname } from "node:os";
import { type ArtifactContent, artifactOf } from "./artifact.ts";
import type { Access } from "./call.ts";
import { CallRefused } from "./failures.ts";
import { type HttpJob, httpLedger } from "./http-ledger.ts";
import { runLoop } from "./loop.ts";
import type { Attempt, LoopOptions } from "./loop-options.ts";
import { takeTokens } from "./tokens.ts";

/** A job, as its handler sees it. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly payload: unknown;
  /** Counted from 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** The venue, host and feed that the job works with; source and host are empty for none. */
  readonly source: string;
  readonly host: string;
  readonly feed: string | null;
  readonly runId: string | null;
  /** The W3C trace context of whoever submitted the job; send it on as the header `traceparent`. */
  readonly traceparent: string | null;
  /** Aborts when the job is cancelled or lost, when the attempt takes too long, or when the worker stops. */
  readonly signal: AbortSignal;
  /** Tells how far the job has come, 0 to 1; the next heartbeat carries it. */
  readonly progress: (fraction: number) => void;
  /** Waits until so many requests to the job's host are granted; the claim has granted the first one. */
  readonly tokens: (count: number) => Promise<void>;
  /** Adds something that the job produced, by its SHA-256, to the report of its success. */
  readonly artifact: (content: ArtifactContent) => Promise<void>;
}

export interface WorkOptions extends Access {
  readonly kinds: readonly string[];
  /**
   * Does a job; the result is stored as JSON. It may be run twice for one job, so that it must bear being repeated.
   * Throws PermanentFailure if another attempt would fail as well, and Throttled if a host asks for fewer requests; after any other error
   * the job is tried again.
   */
  readonly handler: (job: Job) => Promise<unknown>;
  /** Stops the worker; see {@link stopSignal}. */
  readonly signal: AbortSignal;
  /** Jobs at once, 1 to 100. Default 1. */
  readonly concurrency?: number;
  /** How long a job waits for a worker that is gone, 5 to 3600. Default 60. */
  readonly leaseSeconds?: number;
  /** Wait between claims while there is nothing to do. Default 1. */
  readonly pollSeconds?: number;
  /** The longest time that an attempt may take. Default: no limit. */
  readonly deadlineSeconds?: number;
  /** How long a worker that stops lets its jobs go on before it hands them back. Default 10. */
  readonly drainSeconds?: number;
  /** The worker's name in history. Default: host name and process id. */
  readonly name?: string;
  /** Takes a line for each attempt that did not succeed and each call that failed. Default: standard error. */
  readonly log?: (line: string) => void;
}

/**
 * Claims and does jobs until the signal aborts; then it hands back what has not ended in time, and returns.
 * @throws RangeError for options out of their range; CallRefused where the ledger refuses to give jobs, such as for an
 * unknown key
 */
export function work(options: WorkOptions): Promise<void> {
  const { url, key, kinds, handler, signal } = options;
  const access = { url, key };
  const log = options.log ?? console.error;
  const settings = {
    concurrency: inRange("concurrency", options.concurrency ?? 1, 1, 100),
    leaseSeconds: inRange("leaseSeconds", options.leaseSeconds ?? 60, 5, 3600),
    pollSeconds: options.pollSeconds ?? 1,
    deadlineSeconds: options.deadlineSeconds ?? null,
    drainSeconds: options.drainSeconds ?? 10,
    name: options.name ?? `${hostname()}:${process.pid}`,
  };
  const loop: LoopOptions<HttpJob> = {
    ...settings,
    ledger: httpLedger(access),
    kinds,
    handle: async (job, attempt) => handler(jobOf(access, job, attempt)),
    onStarted: () => {},
    onEnded: (job, outcome, message) => {
      if (outcome !== "succeeded") log(`job ${job.jobId} (${job.kind}), attempt ${job.attempt}: ${outcome} ${message}`);
    },
    onCallFailed: (_call, error) =>
      log(`${error instanceof CallRefused ? "the ledger refuses" : "the ledger does not answer"}: ${reasonOf(error)}`),
    random: Math.random,
    stopwatch: () => performance.now() / 1000,
  };
  return runLoop(loop, signal);
}

/** Returns a signal that aborts when this process is told to stop: at SIGTERM or SIGINT. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => controller.abort());
  return controller.signal;
}

function jobOf(access: Access, { jobId, leaseToken, ...job }: HttpJob, attempt: Attempt): Job {
  const { kind, payload, maxAttempts, source, host, feed, runId, traceparent } = job;
  return {
    id: String(jobId),
    kind,
    payload,
    attempt: job.attempt,
    maxAttempts,
    source,
    host,
    feed,
    runId,
    traceparent,
    signal: attempt.signal,
    progress: (fraction) => attempt.setProgress(inRange("progress", fraction, 0, 1)),
    tokens: (count) => takeTokens(access, { jobId, leaseToken }, count, attempt.signal),
    artifact: async (content) => attempt.addArtifact(await artifactOf(content)),
  };
}

/** @throws RangeError */
function inRange(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new RangeError(`${name}: ${value} is not from ${least} to ${most}`);
}

/** The cause of a failed fetch tells more than its message. */
function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
