import { formatTime } from "../canonical/time.ts";
import { stopwatch } from "../lib/clock.ts";
import { makeLogDeduplicator } from "../lib/log-deduplication.ts";
import type { Logger } from "../obs/logger.ts";
import type { LeasedJob } from "../storage/control/claim.ts";
import { jobEnded, jobRescued, jobStarted, ledgerReadFailed, scheduleFired, workerFailed } from "./events.ts";
import { traceIdOf } from "./trace.ts";

/** Logs the work of this process on the ledger. Repeated failures of a call are logged once a minute. Ends with `stop`. */
export function logControlEvents(log: Logger, clock: () => number = stopwatch): { stop: () => void } {
  const repeats = makeLogDeduplicator(clock);
  const subscriptions = [
    jobStarted.subscribe(({ job }) => log.debug(fieldsOf(job), "job started")),
    jobEnded.subscribe(({ job, outcome, message, seconds }) => {
      const line = { ...fieldsOf(job), outcome, message, seconds: Number(seconds.toFixed(3)) };
      if (outcome === "succeeded") log.info(line, "job ended");
      else log.warn(line, "job ended");
    }),
    jobRescued.subscribe(({ job: { tenant, jobId, state, attempt, worker } }) => {
      log.warn({ tenant, job: String(jobId), state, attempt, worker }, "job of a lost worker");
    }),
    ledgerReadFailed.subscribe(({ read, error }) => {
      repeats.log(`${read} ${error.message}`, (repeated) => {
        log.error({ read, reason: error.message, ...repeated }, "the ledger cannot be read");
      });
    }),
    scheduleFired.subscribe(({ fired: { tenant, name, kind, tick, jobId } }) => {
      const line = { tenant, schedule: name, kind, tick: formatTime(tick) };
      if (jobId === null) log.warn(line, "schedule skipped a tick, as the job of the one before has not ended");
      else log.info({ ...line, job: String(jobId) }, "schedule ticked");
    }),
    workerFailed.subscribe(({ call, error }) => {
      repeats.log(`${call} ${error.message}`, (repeated) => {
        const what = call === "schedule" ? "a schedule made no job" : "the ledger does not answer";
        log.error({ call, reason: error.message, ...repeated }, what);
      });
    }),
  ];
  return {
    stop: () => {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
  };
}

function fieldsOf({ jobId, kind, attempt, traceparent }: LeasedJob) {
  const traceId = traceIdOf(traceparent);
  return { job: String(jobId), kind, attempt, ...(traceId !== null && { trace_id: traceId }) };
}
