import { formatTime, type Micros } from "../../canonical/time.ts";
import { CircuitOpen } from "../../lib/circuit-breaker.ts";
import type { ReplayPosition } from "./standby.ts";

/** A query needs rows that retention has removed. */
export class RawDataExpired extends Error {
  override readonly name = "RawDataExpired";
}

/** A bucket has ended by this machine's clock, but not by the database's. */
export class ClockAhead extends Error {
  override readonly name = "ClockAhead";

  /** @param now by the database's clock */
  constructor(to: Micros, now: Micros) {
    super(
      `the bucket that ends at ${formatTime(to)} has not ended by the database's clock (${formatTime(now)}); synchronise the clocks of both machines`,
    );
  }
}

/** The database is a standby that may lack trades of an ended bucket. */
export class ReplayBehind extends Error {
  override readonly name = "ReplayBehind";

  /** Replay position of the standby at the time of the query. */
  readonly position: ReplayPosition;

  constructor(to: Micros, position: ReplayPosition) {
    super(
      `the database is a standby, complete to ${formatTime(position.completeTo)} (${position.lagSeconds.toFixed(1)} s behind): it may lack trades of the bucket that ends at ${formatTime(to)}; point [database] url at the primary, or find out why replication lags (pg_stat_replication on the primary)`,
    );
    this.position = position;
  }
}

/**
 * The database cannot be used as it is: not migrated, too old, held by another process. The message says what to do.
 */
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
// Connection exceptions, idle-in-transaction timeout, too many connections, and a server that starts or stops.
const UNAVAILABLE_SQLSTATE = /^(?:08...|25P03|53300|57P0[1-5])$/;

/** Returns whether the database could not be reached, as opposed to having rejected the statement. */
export function isUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  // A fatal error, such as a rejected login, ends the connection.
  if (error instanceof CircuitOpen || isFatal(error)) return true;
  return typeof code === "string" && (CONNECTION_FAILURES.has(code) || UNAVAILABLE_SQLSTATE.test(code));
}

// Either a timeout was waited for already, or a retry cannot help: certificate, password, database name.
const NOT_TRANSIENT = /^(?:CONNECT_TIMEOUT|ETIMEDOUT|CONNECT_REFUSED|28...|3D...)$/;

/** Returns whether the database was unavailable for a reason that a quick retry may overcome. */
export function isTransient(error: unknown): boolean {
  return isUnavailable(error) && !(error instanceof CircuitOpen) && !NOT_TRANSIENT.test(String(codeOf(error)));
}

const TIMED_OUT: readonly unknown[] = ["57014", "55P03", "53000", "53100", "53200", "53400"];

/**
 * Returns whether the server cancelled a statement at a limit: its duration, the wait for a lock, memory or disk. The
 * server is reachable, and the statement itself may be the cause, so the circuit breaker does not count it.
 */
export function isTimedOut(error: unknown): boolean {
  return TIMED_OUT.includes(codeOf(error));
}

/**
 * Returns whether a write was refused by a server that takes none: a standby, as in a failover until it is promoted, or
 * one whose transactions are read only.
 */
export function isReadOnlyServer(error: unknown): boolean {
  return codeOf(error) === "25006";
}

/** Returns whether a transaction was rolled back for a concurrent one: serialization failure or deadlock. */
export function isSerializationFailure(error: unknown): boolean {
  return /^40(?:001|P01)$/.test(String(codeOf(error)));
}

// Lock timeout, missing privilege, unknown table or column, unsupported feature.
const ANY_STATEMENT = /^(?:55P03|42501|42P01|42703|0A000)$/;

/** Returns whether a statement would fail in the same way with any other parameters. */
export function isIndependentOfQuery(error: unknown): boolean {
  const code = codeOf(error);
  if (error instanceof ClockAhead || error instanceof ReplayBehind) return true;
  return isUnavailable(error) || (typeof code === "string" && ANY_STATEMENT.test(code));
}

/** Returns whether the error means that its connection is closed or about to close. */
export function isConnectionLost(error: unknown): boolean {
  return isFatal(error) || CONNECTION_FAILURES.has(String(codeOf(error)));
}

function isFatal(error: unknown): boolean {
  const { severity } = (error ?? {}) as { severity?: unknown };
  return severity === "FATAL" || severity === "PANIC";
}

/** Makes a connection error with one of the codes that {@link isUnavailable} knows. */
export function connectionError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null | undefined)?.code;
}
