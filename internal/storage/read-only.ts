import type { Database, Sql } from "./database.ts";
import { type Horizons, readHorizons } from "./horizons.ts";

/** Runs `read` on one snapshot of the database, with how far back its tables reach. */
export function readOnly<T>({ sql }: Database, read: (sql: Sql, horizons: Horizons) => Promise<T>): Promise<T> {
  return sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (transaction) => {
    const [, , horizons] = await Promise.all([
      holdRetention(transaction),
      planForTimes(transaction),
      readHorizons(transaction),
    ]);
    return read(transaction, horizons);
  }) as Promise<T>;
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
