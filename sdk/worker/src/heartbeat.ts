import type { Running } from "./attempt.ts";
import { LeaseLost } from "./failures.ts";
import type { LeasedJob } from "./ledger.ts";
import type { LoopOptions } from "./loop-options.ts";

/** Returns the heartbeat: it extends all leases, and aborts the jobs whose lease is lost. */
export function makeHeartbeat<Job extends LeasedJob>(
  { ledger, leaseSeconds, stopwatch, onCallFailed }: LoopOptions<Job>,
  running: ReadonlyMap<bigint, Running<Job>>,
): () => Promise<void> {
  let isRunning = false;
  async function extendAll(): Promise<void> {
    const asked = [...running.values()].filter(({ controller }) => !(controller.signal.reason instanceof LeaseLost));
    if (asked.length === 0) return;
    const askedAt = stopwatch();
    const leases = asked.map(({ job: { jobId, leaseToken }, progress }) => ({
      jobId,
      leaseToken,
      progress: progress.last,
    }));
    const kept = new Map((await ledger.extend(leases, leaseSeconds)).map((lease) => [lease.leaseToken, lease]));
    for (const { job, controller, lease } of asked) {
      const answer = kept.get(job.leaseToken);
      if (answer === undefined) controller.abort(new LeaseLost("the lease was lost, or the job was cancelled"));
      else if (answer.isExtended) lease.until = askedAt + leaseSeconds;
    }
  }
  return async (): Promise<void> => {
    const now = stopwatch();
    for (const { controller, lease } of running.values())
      if (now >= lease.until) controller.abort(new LeaseLost("the lease has ended, and could not be extended"));
    // One at a time: a ledger that does not answer is not asked once more with each heartbeat.
    if (isRunning) return;
    isRunning = true;
    try {
      await extendAll();
    } catch (error) {
      onCallFailed("extend", error as Error);
    } finally {
      isRunning = false;
    }
  };
}
