import { isClosed } from "../../canonical/bucket.ts";
import type { Micros } from "../../canonical/time.ts";
import { type Horizons, readHorizons } from "../retention/horizons.ts";
import { completeHorizons } from "../retention/lost-rows.ts";
import type { Database } from "./database.ts";
import { ClockAhead, ReplayBehind } from "./errors.ts";
import type { Sql } from "./pool.ts";
import { type ReplayPosition, readPosition } from "./standby.ts";
import { inTransaction } from "./transaction.ts";

/** End of the latest bucket that is read, for callers that treat their result as final. */
export interface Ended {
  readonly to: Micros;
  /** Wait after the end of a bucket before it is final. */
  readonly settleSeconds: number;
}

/**
 * Runs `read` in one repeatable-read transaction. It gets the horizons of the tables, the snapshot's time by the
 * database's clock, and whether TimescaleDB is installed, where the cost of a statement grows with the chunks it
 * covers. A connection that is lost before `read` starts is replaced; `read` itself runs at most once.
 * @throws ClockAhead if `ended` has not ended by the database's clock
 * @throws ReplayBehind if the database is a standby that may lack trades of it
 */
export function readOnly<T>(
  { sql, breaker, onAnswer }: Database,
  read: (sql: Sql, horizons: Horizons, now: Micros, isChunked: boolean) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  let isBegun = false;
  const attempt = () =>
    inTransaction(sql, "ISOLATION LEVEL REPEATABLE READ READ ONLY", async (transaction) => {
      let snapshot = await takeSnapshot(sql, transaction);
      let position: ReplayPosition | null = null;
      if (snapshot.isInRecovery) {
        // The position is read before the snapshot: WAL replayed in between would else count as part of it.
        ({ position } = await readPosition(transaction));
        await transaction`COMMIT AND CHAIN`;
        snapshot = await takeSnapshot(sql, transaction);
      }
      const { horizons, now, isInRecovery, isChunked } = snapshot;
      // A standby that was promoted meanwhile is a primary.
      const replayed = isInRecovery ? position : null;
      onAnswer?.(replayed);
      if (ended !== undefined) refuseUnended(ended, now, replayed);
      isBegun = true;
      return read(transaction, horizons, now, isChunked);
    });
  return breaker.runWithRetry(attempt, () => !isBegun);
}

/**
 * Refuses a bucket that has not ended, or whose trades are not all replayed.
 * @param now by the database's clock
 * @param position null for a primary
 * @throws ClockAhead, ReplayBehind
 */
export function refuseUnended({ to, settleSeconds }: Ended, now: Micros, position: ReplayPosition | null): void {
  if (to > now) throw new ClockAhead(to, now);
  // settle_seconds are measured by the primary's clock, up to the replayed position.
  if (position !== null && !isClosed(to, position.completeTo, settleSeconds)) throw new ReplayBehind(to, position);
}

async function takeSnapshot(
  pool: Database["sql"],
  transaction: Sql,
): Promise<{ horizons: Horizons; now: Micros; isInRecovery: boolean; isChunked: boolean }> {
  const [, isChunked, horizons, moment] = await Promise.all([
    blockRetention(transaction),
    planForTimes(transaction),
    readHorizons(transaction),
    readMoment(transaction),
  ]);
  const complete = isChunked ? await completeHorizons(pool, transaction, horizons, moment.now) : horizons;
  return { ...moment, isChunked, horizons: complete };
}

/**
 * Blocks retention for this transaction; must be the first statement, before the snapshot is taken. Otherwise rows
 * could disappear: dropped chunks are gone from older snapshots, too.
 */
async function blockRetention(transaction: Sql): Promise<void> {
  await transaction`LOCK TABLE retention_horizons IN ACCESS SHARE MODE`;
}

/**
 * Forces custom plans for the transaction on TimescaleDB: a generic plan covers every chunk and takes minutes to make
 * for thousands of them. On ordinary tables generic plans save time. JIT is off, since compiling takes longer than
 * running.
 * @returns whether TimescaleDB is installed
 */
export async function planForTimes(transaction: Sql): Promise<boolean> {
  const [row] = await transaction<{ mode: string | null }[]>`
    SELECT set_config('jit', 'off', true), (
      SELECT set_config('plan_cache_mode', 'force_custom_plan', true) FROM pg_extension WHERE extname = 'timescaledb'
    ) AS mode`;
  return row?.mode != null;
}

async function readMoment(transaction: Sql): Promise<{ now: Micros; isInRecovery: boolean }> {
  const [row] = await transaction<{ now: string; is_in_recovery: boolean }[]>`
    SELECT (extract(epoch FROM now()) * 1000000)::bigint::text AS now, pg_is_in_recovery() AS is_in_recovery`;
  const { now = "0", is_in_recovery = false } = row ?? {};
  return { now: BigInt(now), isInRecovery: is_in_recovery };
}
