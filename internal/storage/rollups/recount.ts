import type { Bucket } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { type AdvisoryLock, takeAdvisoryLock } from "../connection/advisory-lock.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { relationsWithin } from "../schema/chunks.ts";

/** An hour of one source, the unit of recomputation. */
export interface SourceHour {
  readonly source: string;
  /** Start of the hour as text, in PostgreSQL's syntax. */
  readonly bucket: string;
}

const CORRECTION_LOCK: AdvisoryLock = { number: 7_203_111_841, of: "corrections" };

/**
 * Serializes corrections until the transaction ends. A correction replaces rollup rows; a concurrent one that waits for
 * the lock of such a row would find it deleted and skip its hour.
 * @throws DatabaseUnusable that names the holder if another correction does not end in time
 */
export async function lockCorrections(transaction: Sql): Promise<void> {
  await takeAdvisoryLock(transaction, CORRECTION_LOCK, () => {});
}

/**
 * Deletes the rollups of the given hours and recomputes them with the trigger function that ingest uses. The caller
 * must have locked the hours' rows in key order: concurrent writers wait, and add to the recomputed rows.
 * @param hours range that contains all given hours
 */
export async function recountHours(
  sql: Sql,
  pair: Pair,
  hours: Bucket,
  sourceHours: readonly SourceHour[],
): Promise<void> {
  const inThem = (table: "trades" | "trades_1h" | "trades_1m", column: "ts" | "bucket") => sql`
    unnest(
      ${sourceHours.map(({ source }) => source)}::text[],
      ${sourceHours.map(({ bucket }) => bucket)}::text[]::timestamptz[]
    ) AS locked (source, hour)
    WHERE ${sql(table)}.base_asset = ${pair.base} AND ${sql(table)}.quote_asset = ${pair.quote}
      AND ${sql(table)}.source = locked.source
      AND ${sql(table)}.${sql(column)} >= locked.hour AND ${sql(table)}.${sql(column)} < locked.hour + interval '1 hour'
      AND ${sql(table)}.${sql(column)} >= ${timestamptz(hours.from)}::timestamptz
      AND ${sql(table)}.${sql(column)} <= ${timestamptz(hours.to - 1n)}::timestamptz`;
  for (const table of ["trades_1m", "trades_1h"] as const) {
    for (const relation of await relationsWithin(sql, table, hours)) {
      await sql`DELETE FROM ${sql(relation)} AS ${sql(table)} USING ${inThem(table, "bucket")}`;
    }
  }
  await sql`CREATE TEMPORARY TABLE recounted_trades (LIKE trades) ON COMMIT DROP`;
  await sql`
    CREATE TRIGGER recount AFTER INSERT ON recounted_trades REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION trades_add_to_rollups()`;
  await sql`INSERT INTO recounted_trades SELECT trades.* FROM trades, ${inThem("trades", "ts")}`;
}
