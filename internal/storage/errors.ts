import { formatTime, type Micros } from "../canonical/time.ts";
import { CircuitOpen } from "../resilience/guard.ts";
import type { ReplayPosition } from "./standby.ts";

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

/** The database that answers is a standby, which may lack trades of a bucket that is over. */
export class ReplayBehind extends Error {
  override readonly name = "ReplayBehind";

  /** Of the standby, when it was asked. */
  readonly position: ReplayPosition;

  constructor(to: Micros, position: ReplayPosition) {
    super(
      `the database that answers is a standby, complete to ${formatTime(position.completeTo)}, ${position.lagSeconds.toFixed(1)} s behind: the bucket to ${formatTime(to)} may lack trades there; let [database] url lead to the primary, or see why replication lags (pg_stat_replication on the primary)`,
    );
    this.position = position;
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
  "CONNECT_REFUSED",
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
// Connection exceptions, a transaction that idled for too long, too many connections, and a server that stops or starts.
const AWAY_SQLSTATE = /^(?:08...|25P03|53300|57P0[1-5])$/;

/** Whether the database is out of reach, as opposed to having refused what it was asked. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  // A login that is refused ends the connection, as does whatever else the server calls fatal.
  if (error instanceof CircuitOpen || isFatal(error)) return true;
  return typeof code === "string" && (CONNECTION_FAILURES.has(code) || AWAY_SQLSTATE.test(code));
}

// Waited for long, or nothing that will be otherwise in a moment: certificates, passwords, names.
const NOT_IN_PASSING = /^(?:CONNECT_TIMEOUT|ETIMEDOUT|CONNECT_REFUSED|28...|3D...)$/;

/** Whether the database is out of reach at this moment, and said so soon: asking again is worth the while. */
export function isPassing(error: unknown): boolean {
  return isUnavailable(error) && !(error instanceof CircuitOpen) && !NOT_IN_PASSING.test(String(codeOf(error)));
}

const TIMED_OUT: readonly unknown[] = ["57014", "55P03", "53000", "53100", "53200", "53400"];

/**
 * Whether the database gave up a statement that took too long, waited too long for a lock, or needed more memory or disk than
 * it may. It can be reached, and what was asked may be to blame: this opens no circuit.
 */
export function isTimedOut(error: unknown): boolean {
  return TIMED_OUT.includes(codeOf(error));
}

/** Whether a transaction was given up for the sake of another one: a deadlock, or what was read has changed. */
export function isCollision(error: unknown): boolean {
  return /^40(?:001|P01)$/.test(String(codeOf(error)));
}

// Locks, rights, and what is not there: none of them depends on what is asked.
const ANY_STATEMENT = /^(?:55P03|42501|42P01|42703|0A000)$/;

/** Whether a refused statement would be refused whatever it asked about. */
export function failsWhateverIsAsked(error: unknown): boolean {
  const code = codeOf(error);
  if (error instanceof ClockAhead || error instanceof ReplayBehind) return true;
  return isUnavailable(error) || (typeof code === "string" && ANY_STATEMENT.test(code));
}

/** Whether an error says that the connection it came over is gone, or is about to be. */
export function isConnectionLost(error: unknown): boolean {
  return isFatal(error) || CONNECTION_FAILURES.has(String(codeOf(error)));
}

function isFatal(error: unknown): boolean {
  const { severity } = (error ?? {}) as { severity?: unknown };
  return severity === "FATAL" || severity === "PANIC";
}

/** An error of a connection, by one of the codes that say so. */
export function connectionError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}
