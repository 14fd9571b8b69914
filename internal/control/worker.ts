import { runLoop } from "../../sdk/worker/src/loop.ts";
import type { LoopOptions } from "../../sdk/worker/src/loop-options.ts";
import type { LeasedJob } from "../storage/control/claim.ts";
import { jobEnded, jobStarted, workerFailed } from "./events.ts";
import type { JobResult } from "./kind.ts";

type Shared = "ledger" | "kinds" | "name" | "concurrency" | "leaseSeconds" | "pollSeconds" | "random" | "stopwatch";

export interface WorkerOptions extends Pick<LoopOptions<LeasedJob>, Shared> {
  readonly handle: (job: LeasedJob, signal: AbortSignal) => Promise<JobResult>;
}

/** Claims and runs jobs until the signal aborts, as every worker does ({@link runLoop}); publishes their events. */
export function runWorker({ handle, ...shared }: WorkerOptions, signal: AbortSignal): Promise<void> {
  const options: LoopOptions<LeasedJob> = {
    ...shared,
    deadlineSeconds: null,
    drainSeconds: 0,
    handle: (job, attempt) => handle(job, attempt.signal),
    onStarted: (job) => jobStarted.publish({ job }),
    onEnded: (job, outcome, message, seconds) => jobEnded.publish({ job, outcome, message, seconds }),
    onCallFailed: (call, error) => workerFailed.publish({ call, error }),
  };
  return runLoop(options, signal);
}
