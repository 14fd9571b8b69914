import { isClosed } from "../canonical/bucket.ts";
import type { Micros } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { ClockAhead, ReplayBehind } from "./errors.ts";
import { type Horizons, readHorizons } from "./horizons.ts";
import { completeHorizons } from "./lost-rows.ts";
import { type ReplayPosition, readPosition } from "./standby.ts";
import { inTransaction } from "./transaction.ts";

/** The end of the latest bucket that is asked about, for those who answer as if nothing could change it any more. */
export interface Ended {
  readonly to: Micros;
  /** How long its last trades have had to land. */
  readonly settleSeconds: number;
}

/**
 * Runs `read` on one snapshot of the database, with how far back its tables reach, when by its clock it was taken, and whether
 * TimescaleDB is there, with which a statement costs by the chunks it may touch. Where the connection is lost before `read` is begun, another is taken; `read` itself runs once.
 * @throws ClockAhead where `ended` is not over by the database's clock
 * @throws ReplayBehind where the database is a standby that may lack trades of it
 */
export function readOnly<T>(
  { sql, guard, onAnswer }: Database,
  read: (sql: Sql, horizons: Horizons, now: Micros, isChunked: boolean) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  let isBegun = false;
  const attempt = () =>
    inTransaction(sql, "ISOLATION LEVEL REPEATABLE READ READ ONLY", async (transaction) => {
      let snapshot = await takeSnapshot(sql, transaction);
      let position: ReplayPosition | null = null;
      if (snapshot.isInRecovery) {
        // What is replayed between a snapshot and the question how far it reaches would be taken for part of it.
        ({ position } = await readPosition(transaction));
        await transaction`COMMIT AND CHAIN`;
        snapshot = await takeSnapshot(sql, transaction);
      }
      const { horizons, now, isInRecovery, isChunked } = snapshot;
      // One that was promoted meanwhile is the primary.
      const replayed = isInRecovery ? position : null;
      onAnswer?.(replayed);
      if (ended !== undefined) refuseUnended(ended, now, replayed);
      isBegun = true;
      return read(transaction, horizons, now, isChunked);
    });
  return guard.runSafely(attempt, () => !isBegun);
}

/**
 * Whether a bucket is over, by clock and by data.
 * @param now by the database's clock
 * @param position null of a primary
 * @throws ClockAhead, ReplayBehind where it is not
 */
export function refuseUnended({ to, settleSeconds }: Ended, now: Micros, position: ReplayPosition | null): void {
  if (to > now) throw new ClockAhead(to, now);
  // The settle time is the primary's clock's to tell, as far as it is replayed.
  if (position !== null && !isClosed(to, position.completeTo, settleSeconds)) throw new ReplayBehind(to, position);
}

async function takeSnapshot(
  pool: Database["sql"],
  transaction: Sql,
): Promise<{ horizons: Horizons; now: Micros; isInRecovery: boolean; isChunked: boolean }> {
  const [, isChunked, horizons, moment] = await Promise.all([
    holdRetention(transaction),
    planForTimes(transaction),
    readHorizons(transaction),
    readMoment(transaction),
  ]);
  const complete = isChunked ? await completeHorizons(pool, transaction, horizons, moment.now) : horizons;
  return { ...moment, isChunked, horizons: complete };
}

/**
 * The first statement of all, before a snapshot is taken: retention, which waits for this lock, then removes nothing that the
 * snapshot shows. Chunks that are dropped are gone from older snapshots, too.
 */
async function holdRetention(transaction: Sql): Promise<void> {
  await transaction`LOCK TABLE retention_horizons IN ACCESS SHARE MODE`;
}

/**
 * On TimescaleDB, has each statement of the transaction planned for the times it asks about: a plan for any time covers
 * every chunk there is, and takes minutes to make where there are thousands. Without it such plans save time. And nothing
 * is compiled, which takes longer than running.
 * @returns whether TimescaleDB is there
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
