import { setTimeout as sleep } from "node:timers/promises";
import { callAgainSeconds } from "./backoff.ts";
import { CallRefused, LeaseLost } from "./failures.ts";
import type { LeasedJob, Report, Reported } from "./ledger.ts";
import type { LoopOptions, Outcome } from "./loop-options.ts";

/** How long a worker that stops repeats a report. */
const STOPPING_SECONDS = 15;

/**
 * Sends a report until the ledger answers; returns what became of the attempt. A report without an answer may have
 * counted: repeated with the same token, it counts once. One that the ledger refuses is replaced by one that says so.
 */
export async function sendReport<Job extends LeasedJob>(
  { ledger, stopwatch, random, onCallFailed }: LoopOptions<Job>,
  first: Report,
  signal: AbortSignal,
  stop: AbortSignal,
): Promise<{ readonly outcome: Outcome; readonly message: string | null }> {
  let report = first;
  let giveUpAt: number | null = null;
  for (let failures = 1; !(signal.reason instanceof LeaseLost); failures++) {
    try {
      const [reported] = await ledger.report([report]);
      return { outcome: outcomeOf(report, reported), message: report.message };
    } catch (error) {
      onCallFailed("report", error as Error);
      if (error instanceof CallRefused) {
        if (report !== first) break;
        report = refusalOf(first, error);
        continue;
      }
      if (stop.aborted) giveUpAt ??= stopwatch() + STOPPING_SECONDS;
      if (giveUpAt !== null && stopwatch() >= giveUpAt) break;
      await sleep(callAgainSeconds(failures, random(), error) * 1000);
    }
  }
  return { outcome: "lease_lost", message: report.message };
}

/** The same report would be refused at each attempt. */
function refusalOf({ jobId, leaseToken }: Report, { message }: Error): Report {
  const text = `the report was refused: ${message}`;
  const none = { retrySeconds: 0, throttle: null, artifacts: [] };
  return { jobId, leaseToken, outcome: "failed", reason: "report_refused", message: text, ...none };
}

function outcomeOf({ outcome }: Report, reported: Reported | undefined): Outcome {
  if (reported === undefined) return "lease_lost";
  return reported.state === "dead" ? "dead" : outcome;
}
