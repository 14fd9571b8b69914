import pRetry from "p-retry";
import { HOUR } from "../../canonical/bucket.ts";
import { floorTo, type Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { readHorizons } from "./horizons.ts";

/** Options of waiting for a lock. */
export interface LockWait {
  readonly signal: AbortSignal;
  /** Called once when other transactions hold the lock. */
  readonly onWait: () => void;
}

const LOCK_NOT_AVAILABLE = "55P03";
// Other statements queue behind a waiting lock request, so each attempt must be short.
const LOCK_TIMEOUT = "500ms";
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;

/**
 * Moves the table's horizon forward to the whole hour at or before `to`; never back. When it returns, no transaction
 * reads rows from before the horizon or can add such trades, since readers and writers hold a lock on the horizons.
 * @returns the current horizon; null if there is none and the wait was aborted
 */
export async function moveHorizon(
  { sql }: Database,
  table: string,
  to: Micros,
  waiting: LockWait,
): Promise<Micros | null> {
  const horizon = floorTo(to, HOUR);
  const current = (await readHorizons(sql)).get(table);
  if (current !== undefined && current >= horizon) return current;
  const moved = await withBriefLocks(sql, waiting, async (transaction) => {
    await transaction`LOCK TABLE retention_horizons IN ACCESS EXCLUSIVE MODE`;
    await transaction`
      UPDATE retention_horizons SET complete_from = greatest(complete_from, ${timestamptz(horizon)}::timestamptz)
      WHERE table_name = ${table}`;
    return (await readHorizons(transaction)).get(table) ?? horizon;
  });
  return moved ?? current ?? null;
}

/**
 * Runs a transaction that needs exclusive locks; retries with backoff until it gets them within LOCK_TIMEOUT.
 * @returns the result of `work`; null if aborted
 */
export async function withBriefLocks<T>(
  sql: Database["sql"],
  { signal, onWait }: LockWait,
  work: (transaction: Sql) => Promise<T>,
): Promise<T | null> {
  const attempt = () =>
    inTransaction(sql, READ_COMMITTED, async (transaction) => {
      await transaction`SELECT set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`;
      return work(transaction);
    }) as Promise<T>;
  try {
    return await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: FIRST_BACKOFF_MS,
      maxTimeout: LONGEST_BACKOFF_MS,
      signal,
      shouldRetry: ({ error }) => (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE,
      onFailedAttempt: ({ error, attemptNumber }) => {
        if (attemptNumber === 1 && (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) onWait();
      },
    });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}
