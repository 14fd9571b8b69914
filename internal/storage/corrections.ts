import { HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { ceilTo, floorTo } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { readHorizons, requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";
import { planForTimes } from "./read-only.ts";
import { lockCorrections, recountHours, type SourceHour } from "./recount.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

/** The trades to take back: of one pair, in [from, to), optionally of one source and with given ids only. */
export interface TradeSelection {
  readonly pair: Pair;
  readonly from: Micros;
  readonly to: Micros;
  readonly source?: string | undefined;
  readonly tradeIds?: readonly string[] | undefined;
}

/**
 * Deletes trades and recomputes the rollups of every bucket they were in, in one transaction. Trades that land in those
 * buckets meanwhile wait, and are counted.
 * @returns how many trades were deleted
 * @throws RawDataExpired where a touched hour reaches back before raw trades are complete
 */
export async function deleteTrades({ sql }: Database, selection: TradeSelection): Promise<number> {
  return inTransaction(sql, READ_COMMITTED, async (transaction) => {
    await lockCorrections(transaction);
    const hours = { from: floorTo(selection.from, HOUR), to: ceilTo(selection.to, HOUR) };
    requireRows(await readHorizons(transaction), { trades: [hours] });
    await planForTimes(transaction);
    await transaction`SET LOCAL stellarindex.maintenance = 'on'`;
    // Locks first, hours before minutes like the trigger, in key order; a bucket that appears only after this holds
    // trades from after this, which are not deleted either.
    const lockedHours = await lockRollups(transaction, "trades_1h", selection, hours);
    await lockRollups(transaction, "trades_1m", selection, hours);
    const { count } = await transaction`
      DELETE FROM trades
      USING unnest(
        ${lockedHours.map(({ source }) => source)}::text[],
        ${lockedHours.map(({ bucket }) => bucket)}::text[]::timestamptz[]
      ) AS locked (source, bucket)
      WHERE trades.base_asset = ${selection.pair.base} AND trades.quote_asset = ${selection.pair.quote}
        AND trades.source = locked.source
        AND trades.ts >= locked.bucket AND trades.ts < locked.bucket + interval '1 hour'
        AND trades.ts >= ${moment(selection.from)}::timestamptz
        AND trades.ts < ${moment(selection.to)}::timestamptz
        ${selection.tradeIds === undefined ? sql`` : sql`AND trades.trade_id = ANY(${selection.tradeIds as string[]}::text[])`}`;
    if (count > 0) await recountHours(transaction, selection.pair, hours, lockedHours);
    return count;
  }) as Promise<number>;
}

function lockRollups(
  sql: Sql,
  table: "trades_1h" | "trades_1m",
  { pair, source }: TradeSelection,
  { from, to }: { from: Micros; to: Micros },
): Promise<SourceHour[]> {
  return sql<SourceHour[]>`
    SELECT source, bucket::text AS bucket FROM ${sql(table)}
    WHERE base_asset = ${pair.base} AND quote_asset = ${pair.quote}
      AND bucket >= ${moment(from)}::timestamptz AND bucket < ${moment(to)}::timestamptz
      ${source === undefined ? sql`` : sql`AND source = ${source}`}
    ORDER BY base_asset, quote_asset, bucket, source
    FOR UPDATE`;
}
