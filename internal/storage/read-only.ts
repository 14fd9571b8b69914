import type { Micros } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { type Horizons, readHorizons } from "./horizons.ts";
import { inTransaction } from "./transaction.ts";

/**
 * Runs `read` on one snapshot of the database, with how far back its tables reach, and when by its clock it was taken. Where
 * the connection is lost before `read` is begun, another is taken; `read` itself runs once.
 */
export function readOnly<T>(
  { sql, guard }: Database,
  read: (sql: Sql, horizons: Horizons, now: Micros) => Promise<T>,
): Promise<T> {
  let isBegun = false;
  const attempt = () =>
    inTransaction(sql, "ISOLATION LEVEL REPEATABLE READ READ ONLY", async (transaction) => {
      const [, , horizons, now] = await Promise.all([
        holdRetention(transaction),
        planForTimes(transaction),
        readHorizons(transaction),
        readClock(transaction),
      ]);
      isBegun = true;
      return read(transaction, horizons, now);
    });
  return guard.runSafely(attempt, () => !isBegun);
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
 */
export async function planForTimes(transaction: Sql): Promise<void> {
  await transaction`
    SELECT set_config('jit', 'off', true), (
      SELECT set_config('plan_cache_mode', 'force_custom_plan', true) FROM pg_extension WHERE extname = 'timescaledb'
    )`;
}

async function readClock(transaction: Sql): Promise<Micros> {
  const [row] = await transaction<{ now: string }[]>`
    SELECT (extract(epoch FROM now()) * 1000000)::bigint::text AS now`;
  return BigInt(row?.now ?? "0");
}
