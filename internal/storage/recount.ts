import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { type AdvisoryLock, takeAdvisoryLock } from "./advisory-lock.ts";
import { relationsWithin } from "./chunks.ts";
import type { Sql } from "./database.ts";
import { moment } from "./moment.ts";

/** An hour of one source, all of whose rollups are counted anew together. */
export interface SourceHour {
  readonly source: string;
  /** The start of the hour, as PostgreSQL reads it. */
  readonly bucket: string;
}

const CORRECTION_LOCK: AdvisoryLock = { number: 7_203_111_841, of: "corrections" };

/**
 * Has corrections run one at a time, until the transaction ends: a correction replaces rollup rows, and another one that
 * waited for a row would find it gone and pass its hour over.
 * @throws DatabaseUnusable that names the holder where another one does not end in time
 */
export async function lockCorrections(transaction: Sql): Promise<void> {
  await takeAdvisoryLock(transaction, CORRECTION_LOCK, () => {});
}

/**
 * Drops the rollups of the given hours and counts their trades again, through the very trigger that ingest uses. The
 * transaction has locked the hours before, in key order: writers into them wait, and add theirs to what is counted here.
 * @param hours spans the given hours
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
      AND ${sql(table)}.${sql(column)} >= ${moment(hours.from)}::timestamptz
      AND ${sql(table)}.${sql(column)} <= ${moment(hours.to - 1n)}::timestamptz`;
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
