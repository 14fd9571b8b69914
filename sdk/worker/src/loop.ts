import { setTimeout as sleep } from "node:timers/promises";
import { type Running, releaseOf, startAttempt } from "./attempt.ts";
import { callAgainSeconds } from "./backoff.ts";
import { CallRefused, WorkerStopped } from "./failures.ts";
import { makeHeartbeat } from "./heartbeat.ts";
import type { LeasedJob } from "./ledger.ts";
import type { LoopOptions } from "./loop-options.ts";

/** A lost or cancelled job is noticed within this time, however long leases are. */
const MAX_HEARTBEAT_SECONDS = 10;

/**
 * Claims and runs jobs until the signal aborts; then it hands back the jobs that still run, and returns. While the
 * ledger does not answer, it is asked again, and jobs whose leases have ended meanwhile are aborted.
 * @throws CallRefused where the ledger refuses to be asked for jobs
 */
export async function runLoop<Job extends LeasedJob>(options: LoopOptions<Job>, stop: AbortSignal): Promise<void> {
  const { ledger, kinds, name, concurrency, leaseSeconds, pollSeconds, drainSeconds, random, stopwatch } = options;
  // By lease token: a job that was lost here may be leased here again while its old attempt still ends.
  const running = new Map<bigint, Running<Job>>();
  const heartbeat = setInterval(
    makeHeartbeat(options, running),
    Math.min(leaseSeconds / 3, MAX_HEARTBEAT_SECONDS) * 1000,
  );
  let failures = 0;
  try {
    while (!stop.aborted) {
      const maxJobs = concurrency - running.size;
      const askedAt = stopwatch();
      // With jitter, so that workers that were started together do not ask together.
      let waitSeconds = pollSeconds * (0.5 + random());
      let jobs: Job[] = [];
      try {
        if (maxJobs > 0) jobs = await ledger.claim({ kinds, worker: name, maxJobs, leaseSeconds });
        failures = 0;
      } catch (error) {
        options.onCallFailed("claim", error as Error);
        if (error instanceof CallRefused) throw error;
        waitSeconds = Math.max(waitSeconds, callAgainSeconds(++failures, random(), error));
      }
      if (stop.aborted) await release(options, jobs);
      else for (const job of jobs) start(job, askedAt + leaseSeconds);
      // With nothing to claim, or no place for it, the next claim waits; a job that ends makes a place.
      if (jobs.length < maxJobs || maxJobs === 0) await idle(waitSeconds, failures === 0 ? running : new Map(), stop);
    }
  } finally {
    const abortAll = (): void => {
      for (const { controller } of running.values()) controller.abort(new WorkerStopped("the worker stops"));
    };
    const drain = setTimeout(abortAll, stop.aborted ? drainSeconds * 1000 : 0);
    await Promise.all(Array.from(running.values(), ({ reported }) => reported));
    clearTimeout(drain);
    clearInterval(heartbeat);
  }

  function start(job: Job, leasedUntil: number): void {
    const attempt = startAttempt(job, leasedUntil, options, stop);
    const freed = attempt.freed.then(() => void running.delete(job.leaseToken));
    running.set(job.leaseToken, { ...attempt, freed });
  }
}

/** Hands back jobs of a claim that was answered after the worker was told to stop. */
async function release<Job extends LeasedJob>(options: LoopOptions<Job>, jobs: readonly Job[]): Promise<void> {
  if (jobs.length === 0) return;
  try {
    await options.ledger.report(jobs.map((job) => releaseOf(job, null)));
  } catch (error) {
    options.onCallFailed("report", error as Error);
  }
}

/** Waits so long, until the signal aborts, or until one of the attempts makes a place. */
async function idle(
  seconds: number,
  running: ReadonlyMap<bigint, { readonly freed: Promise<void> }>,
  stop: AbortSignal,
): Promise<void> {
  const woken = new AbortController();
  const until = AbortSignal.any([stop, woken.signal]);
  const pause = sleep(seconds * 1000, undefined, { signal: until }).catch(() => {});
  await Promise.race([pause, ...Array.from(running.values(), ({ freed }) => freed)]);
  woken.abort();
}
