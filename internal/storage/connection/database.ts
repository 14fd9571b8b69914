import type postgres from "postgres";
import type { Micros } from "../../canonical/time.ts";
import type { CircuitBreaker, CircuitOptions } from "../../lib/circuit-breaker.ts";
import { type ReplayPosition, readPosition } from "./standby.ts";

/** The settings of `[database]` that a connection needs. */
export interface DatabaseSettings {
  readonly url: string;
  readonly max_connections: number;
  readonly connect_timeout_seconds?: number;
}

/** Limits and callbacks of daemons; a command at a terminal has none. */
export interface ConnectionOptions {
  /** Longest duration of one query. */
  readonly queryTimeoutSeconds?: number;
  /** When the circuit breaker opens. */
  readonly circuit?: CircuitOptions;
  /** Called at each ping and snapshot with the replay position of a standby; null for a primary. */
  readonly onAnswer?: (position: ReplayPosition | null) => void;
  /** Whether any server will do if a URL of several lacks target_session_attrs; for callers that check completeness. */
  readonly acceptsStandby?: boolean;
}

export interface Database {
  readonly sql: postgres.Sql;
  readonly engine: "postgres" | "embedded";
  /** Whether a pooler such as PgBouncer is in between: the session can change between transactions. */
  readonly isPooled?: boolean;
  /** Circuit breaker of all reads and of the trades that are written. */
  readonly breaker: CircuitBreaker;
  readonly onAnswer?: ConnectionOptions["onAnswer"];
  /** Returns why writes will soon fail although reads work, such as a full disk; null if nothing is wrong. */
  readonly trouble?: () => string | null;
  /** Waits a few seconds for running queries, then closes all connections. */
  readonly close: () => Promise<void>;
}

/** The time by the database's clock, and the replay position of a standby (null for a primary). */
export interface DatabaseStatus {
  readonly now: Micros;
  readonly position: ReplayPosition | null;
}

/**
 * Checks that the database answers.
 * @throws Error if it does not, see `isUnavailable`
 */
export async function pingDatabase({ sql, breaker, onAnswer }: Database): Promise<DatabaseStatus> {
  const alive = await breaker.runWithRetry(() => readPosition(sql));
  onAnswer?.(alive.position);
  return alive;
}

/**
 * Returns the database with each call that goes through its circuit breaker, reads and writes alike, run by `run`: for
 * instance once a permit of a semaphore is free.
 */
export function boundedBy(database: Database, run: <T>(call: () => Promise<T>) => Promise<T>): Database {
  const { breaker } = database;
  return {
    ...database,
    breaker: {
      run: (call) => run(() => breaker.run(call)),
      runWithRetry: (call, ...others) => run(() => breaker.runWithRetry(call, ...others)),
      state: breaker.state,
    },
  };
}
