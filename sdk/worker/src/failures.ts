/** Another attempt would fail as well: the job is failed, whatever attempts are left. */
export class PermanentFailure extends Error {
  override readonly name = "PermanentFailure";
}

/** What a host said when it asked for fewer requests. */
export interface Throttle {
  /** The HTTP status; null where it was told otherwise. */
  readonly status: number | null;
  /** Null where the host did not say. */
  readonly retryAfterSeconds: number | null;
}

/** The job's host asks for fewer requests: the ledger slows down all jobs of that host, and repeats this one. */
export class Throttled extends Error {
  override readonly name = "Throttled";
  readonly throttle: Throttle;

  constructor(message: string, { status = null, retryAfterSeconds = null }: Partial<Throttle> = {}) {
    super(message);
    this.throttle = { status, retryAfterSeconds };
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
