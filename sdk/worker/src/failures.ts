/** Another attempt would fail as well: the job is failed, whatever attempts are left. */
export class PermanentFailure extends Error {
  override readonly name = "PermanentFailure";
}

/** The attempt failed; the next one starts after so many seconds, whatever the number of attempts. */
export class RetryLater extends Error {
  override readonly name = "RetryLater";
  readonly retrySeconds: number;
  /** A stable code, of at most 64 characters, for history. */
  readonly reason: string;

  constructor(message: string, { retrySeconds, reason = "error" }: { retrySeconds: number; reason?: string }) {
    super(message);
    this.retrySeconds = retrySeconds;
    this.reason = reason;
  }
}

/** What a host said when it asked for fewer requests. */
export interface Throttle {
  /** The HTTP status; null where it was told otherwise. */
  readonly status: number | null;
  /** Null where the host did not say. */
  readonly retryAfterSeconds: number | null;
}

/** How a job is repeated whose host asked for fewer requests. */
export interface ThrottledOptions extends Throttle {
  /** Whether the attempt counts as one of those that the job has; by default it does. */
  readonly usesAttempt: boolean;
}

/** The job's host asks for fewer requests: the ledger slows down all jobs of that host, and repeats this one. */
export class Throttled extends Error {
  override readonly name = "Throttled";
  readonly throttle: Throttle;
  readonly usesAttempt: boolean;

  constructor(
    message: string,
    { status = null, retryAfterSeconds = null, usesAttempt = true }: Partial<ThrottledOptions> = {},
  ) {
    super(message);
    this.throttle = { status, retryAfterSeconds };
    this.usesAttempt = usesAttempt;
  }
}

/** Why a job's signal is aborted: it was cancelled, or its lease has ended. What the handler returns no longer counts. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** Why a job's signal is aborted: the worker stops, and hands the job back. */
export class WorkerStopped extends Error {
  override readonly name = "WorkerStopped";
}

/** Why a job's signal is aborted: the attempt took longer than it may. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** The ledger refuses a call, and would refuse it again. */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
}

/** The ledger cannot answer now. */
export class CallDelayed extends Error {
  override readonly name = "CallDelayed";
  /** Null where the ledger did not say. */
  readonly retryAfterSeconds: number | null;

  constructor(message: string, retryAfterSeconds: number | null) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
