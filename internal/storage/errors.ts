import { formatTime, type Micros } from "../canonical/time.ts";
import { CircuitOpen } from "../resilience/guard.ts";

/** A question needs rows that retention has removed; answering from what is left would be wrong. */
export class RawDataExpired extends Error {
  override readonly name = "RawDataExpired";
}

/** A bucket has not ended by the database's clock, although it has by this machine's. */
export class ClockAhead extends Error {
  override readonly name = "ClockAhead";

  /** @param now by the database's clock */
  constructor(to: Micros, now: Micros) {
    super(
      `the bucket to ${formatTime(to)} has not ended by the database's clock (${formatTime(now)}); see that the clocks of both machines are right`,
    );
  }
}

/** The database cannot be used as it is: not migrated, too old, taken by another process. The message says the cure. */
export class DatabaseUnusable extends Error {
  override readonly name = "DatabaseUnusable";
}

const CONNECTION_FAILURES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);
// Connection exceptions, too few resources, a transaction that idled for too long, and a server that stops or starts.
const PASSING_SQLSTATE = /^(?:08...|25P03|53...|57P0[1-5])$/;

/** Whether the database is out of reach, as opposed to having refused what it was asked. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (error instanceof CircuitOpen) return true;
  return typeof code === "string" && (CONNECTION_FAILURES.has(code) || PASSING_SQLSTATE.test(code));
}

const WAITED_LONG = new Set(["CONNECT_TIMEOUT", "ETIMEDOUT"]);

/** Whether the database is out of reach at this moment, and said so soon: asking again is worth the while. */
export function isPassing(error: unknown): boolean {
  return isUnavailable(error) && !(error instanceof CircuitOpen) && !WAITED_LONG.has(String(codeOf(error)));
}

const TIMED_OUT: readonly unknown[] = ["57014", "55P03"];

/**
 * Whether the database gave up a statement that took too long, or waited too long for a lock. It can be reached, and what
 * was asked may be to blame: this opens no circuit.
 */
export function isTimedOut(error: unknown): boolean {
  return TIMED_OUT.includes(codeOf(error));
}

// Locks, rights, and what is not there: none of them depends on what is asked.
const ANY_STATEMENT = /^(?:55P03|42501|42P01|42703|0A000)$/;

/** Whether a refused statement would be refused whatever it asked about. */
export function failsWhateverIsAsked(error: unknown): boolean {
  const code = codeOf(error);
  return isUnavailable(error) || error instanceof ClockAhead || (typeof code === "string" && ANY_STATEMENT.test(code));
}

/** Whether an error says that the connection it came over is gone, or is about to be. */
export function isConnectionLost(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return severity === "FATAL" || severity === "PANIC" || CONNECTION_FAILURES.has(String(code));
}

/** An error of a connection, by one of the codes that say so. */
export function connectionError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}
