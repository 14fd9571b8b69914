import { type Access, call } from "./call.ts";
import type { HeldLease, KeptLease, LeasedJob, Ledger, Report, Reported } from "./ledger.ts";

/** A job as the protocol gives it. */
export interface HttpJob extends LeasedJob {
  /** Empty for none. */
  readonly source: string;
  /** Empty for none. */
  readonly host: string;
  readonly feed: string | null;
  readonly runId: string | null;
  readonly traceparent: string | null;
}

interface SentJob extends Omit<HttpJob, keyof LeasedJob> {
  readonly job_id: string;
  readonly lease_token: string;
  readonly kind: string;
  readonly payload: unknown;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly run_id?: string | null;
}

/** A claim may wait for locks; one that is given up would leave its jobs leased to nobody. */
const CLAIM_SECONDS = 30;
const REPORT_SECONDS = 10;

/** Returns the ledger behind the worker protocol. */
export function httpLedger(access: Access): Ledger<HttpJob> {
  return {
    async claim({ kinds, worker, maxJobs, leaseSeconds }) {
      const asked = { worker, kinds, max_jobs: maxJobs, lease_seconds: leaseSeconds };
      const { jobs } = (await call(access, "claim", asked, CLAIM_SECONDS)) as { jobs: SentJob[] };
      return jobs.map(jobOf);
    },
    async extend(leases, leaseSeconds) {
      const asked = { lease_seconds: leaseSeconds, leases: leases.map(sentLease) };
      // An answer that comes later than the next heartbeat is of no use.
      const { kept } = (await call(access, "extend", asked, leaseSeconds / 3)) as {
        kept: { lease_token: string; is_extended: boolean }[];
      };
      return kept.map(
        ({ lease_token, is_extended }): KeptLease => ({ leaseToken: BigInt(lease_token), isExtended: is_extended }),
      );
    },
    async report(reports) {
      const { reported } = (await call(access, "report", { reports: reports.map(sentReport) }, REPORT_SECONDS)) as {
        reported: Reported[];
      };
      return reported;
    },
  };
}

function jobOf(job: SentJob): HttpJob {
  const { job_id, lease_token, max_attempts, run_id = null, feed = null, ...rest } = job;
  return {
    ...rest,
    feed,
    runId: run_id,
    jobId: BigInt(job_id),
    leaseToken: BigInt(lease_token),
    maxAttempts: max_attempts,
  };
}

function sentLease({ jobId, leaseToken, progress }: HeldLease) {
  return { job_id: String(jobId), lease_token: String(leaseToken), ...(progress === null ? {} : { progress }) };
}

function sentReport({ jobId, leaseToken, outcome, retrySeconds, reason, message, throttle, artifacts }: Report) {
  return {
    job_id: String(jobId),
    lease_token: String(leaseToken),
    outcome,
    retry_seconds: retrySeconds,
    reason,
    message,
    ...(throttle === null ? {} : { throttle: sentThrottle(throttle) }),
    ...(artifacts.length === 0 ? {} : { artifacts }),
  };
}

function sentThrottle({ status, retryAfterSeconds }: NonNullable<Report["throttle"]>) {
  return {
    ...(status === null ? {} : { status }),
    ...(retryAfterSeconds === null ? {} : { retry_after_seconds: retryAfterSeconds }),
  };
}
