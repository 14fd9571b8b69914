import pRetry from "p-retry";
import { HOUR } from "../canonical/bucket.ts";
import { floorTo, type Micros } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { readHorizons } from "./horizons.ts";
import { moment } from "./moment.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** What waiting for a lock needs. */
export interface Waiting {
  readonly signal: AbortSignal;
  /** Told once that other transactions are in the way. */
  readonly onWait: () => void;
}

const LOCK_NOT_AVAILABLE = "55P03";
// Whoever comes meanwhile waits behind a lock that is waited for, so that it is not waited for long at a time.
const LOCK_TIMEOUT = "500ms";
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Declares the table complete only from the whole hour at or before `to` on; never moves back. Once it returns, no
 * question is being answered from before, and no trade from then can be added: readers and writers hold a lock on the
 * horizons until they are done.
 * @returns from when on the table is complete now; null where it always was, and the signal came first
 */
export async function moveHorizon(
  { sql }: Database,
  table: string,
  to: Micros,
  waiting: Waiting,
): Promise<Micros | null> {
  const horizon = floorTo(to, HOUR);
  const current = (await readHorizons(sql)).get(table);
  if (current !== undefined && current >= horizon) return current;
  const moved = await withBriefLocks(sql, waiting, async (transaction) => {
    await transaction`LOCK TABLE retention_horizons IN ACCESS EXCLUSIVE MODE`;
    await transaction`
      UPDATE retention_horizons SET complete_from = greatest(complete_from, ${moment(horizon)}::timestamptz)
      WHERE table_name = ${table}`;
    return (await readHorizons(transaction)).get(table) ?? horizon;
  });
  return moved ?? current ?? null;
}

/**
 * Runs a transaction that takes locks others have to wait for, again until it gets them.
 * @returns what `work` does; null where the signal came first
 */
export async function withBriefLocks<T>(
  sql: Database["sql"],
  { signal, onWait }: Waiting,
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
      minTimeout: FIRST_PAUSE_MS,
      maxTimeout: LONGEST_PAUSE_MS,
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
