import { setTimeout as sleep } from "node:timers/promises";
import { callAgainSeconds } from "./backoff.ts";
import { type Access, call } from "./call.ts";
import { CallRefused } from "./failures.ts";
import type { Lease } from "./ledger.ts";

const CALL_SECONDS = 10;

/**
 * Waits until the ledger has granted so many requests to the job's host, of which all workers share the pace.
 * @throws the signal's reason once it aborts; CallRefused where the ledger refuses
 */
export async function takeTokens(
  access: Access,
  { jobId, leaseToken }: Lease,
  tokens: number,
  signal: AbortSignal,
): Promise<void> {
  const lease = { job_id: String(jobId), lease_token: String(leaseToken) };
  let left = tokens;
  for (let failures = 0; left > 0; ) {
    signal.throwIfAborted();
    let seconds: number;
    try {
      const answer = await call(access, "tokens", { ...lease, tokens: left }, CALL_SECONDS);
      const { granted, wait_seconds } = answer as { granted: number; wait_seconds: number };
      left -= granted;
      failures = 0;
      seconds = wait_seconds;
    } catch (error) {
      if (error instanceof CallRefused) throw error;
      seconds = callAgainSeconds(++failures, Math.random(), error);
    }
    if (left > 0) await sleep(seconds * 1000, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
