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
// Connection exceptions, too few resources, and a server that stops or starts.
const PASSING_SQLSTATE = /^(?:08...|53...|57P0[1-5])$/;

/** Whether the database is out of reach, as opposed to having refused what it was asked. */
export function isUnavailable(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (error instanceof CircuitOpen) return true;
  return typeof code === "string" && (CONNECTION_FAILURES.has(code) || PASSING_SQLSTATE.test(code));
}

// Locks, rights, and what is not there: none of them depends on what is asked.
const ANY_STATEMENT = /^(?:55P03|42501|42P01|42703|0A000)$/;

/** Whether a refused statement would be refused whatever it asked about. */
export function failsWhateverIsAsked(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return isUnavailable(error) || error instanceof ClockAhead || (typeof code === "string" && ANY_STATEMENT.test(code));
}

/** Whether an error says that the connection it came over is gone, or is about to be. */
export function isConnectionLost(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return severity === "FATAL" || severity === "PANIC" || CONNECTION_FAILURES.has(String(code));
}

/** Whether the database gave a statement up: it ran, or waited for a lock, for longer than it may. */
export function isTimedOut(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "57014" || code === "55P03";
}
