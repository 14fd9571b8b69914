import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import { ceilTo, earlierOf, floorTo, laterOf } from "../../canonical/time.ts";
import { retryConflicts } from "../connection/conflicts.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { planForTimes, readOnly } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { readHorizons, requireRows } from "../retention/horizons.ts";
import { lockCorrections, recountHours, type SourceHour } from "../rollups/recount.ts";
import { decompressWithoutLimit, relationsWithin, splitByChunks } from "../schema/chunks.ts";

/** The trades to delete: of one pair in [from, to), optionally of one source and with given ids only. */
export interface TradeSelection {
  readonly pair: Pair;
  readonly from: Micros;
  readonly to: Micros;
  readonly source?: string | undefined;
  readonly tradeIds?: readonly string[] | undefined;
}

/** The trades of one source that {@link deleteTrades} would delete. */
export interface SelectedTrades {
  readonly source: string;
  readonly count: number;
  readonly first: Micros;
  readonly last: Micros;
}

/**
 * Counts the selected trades by source, and returns the ids that no trade has. A hypertable with many chunks is read in
 * parts, each with its own snapshot.
 * @throws RawDataExpired if an affected hour begins before the horizon of raw trades
 */
export async function findTrades(
  database: Database,
  selection: TradeSelection,
): Promise<{ readonly found: SelectedTrades[]; readonly unknownIds: string[] }> {
  const sources = new Map<string, SelectedTrades>();
  const unknown = new Set(selection.tradeIds);
  await readOnly(database, async (_sql, horizons) => requireRows(horizons, { trades: [touchedHours(selection)] }));
  for (const part of await splitSelection(database.sql, selection)) {
    const { found, knownIds } = await readOnly(database, (sql) => findPart(sql, part));
    for (const each of found) {
      const { count = 0, first = each.first } = sources.get(each.source) ?? {};
      sources.set(each.source, { ...each, count: count + each.count, first });
    }
    for (const id of knownIds) unknown.delete(id);
  }
  const found = [...sources.values()].sort((a, b) => compareBytes(a.source, b.source));
  return { found, unknownIds: [...unknown] };
}

async function findPart(sql: Sql, selection: TradeSelection): Promise<{ found: SelectedTrades[]; knownIds: string[] }> {
  const rows = await sql<{ source: string; count: string; first: string; last: string }[]>`
    SELECT source, count(*)::text AS count, (extract(epoch FROM min(ts)) * 1000000)::bigint::text AS first,
      (extract(epoch FROM max(ts)) * 1000000)::bigint::text AS last
    FROM trades WHERE ${isSelected(sql, selection)} GROUP BY source`;
  const known =
    selection.tradeIds === undefined
      ? []
      : await sql<{ id: string }[]>`SELECT DISTINCT trade_id AS id FROM trades WHERE ${isSelected(sql, selection)}`;
  return {
    found: rows.map(({ source, count, first, last }) => ({
      source,
      count: Number(count),
      first: BigInt(first),
      last: BigInt(last),
    })),
    knownIds: known.map(({ id }) => id),
  };
}

/**
 * Runs {@link deleteTrades} hour by hour, so that writers wait for one hour at most. Hours without selected trades cost
 * nothing.
 * @returns how many trades were deleted
 * @throws RawDataExpired if an affected hour begins before the horizon of raw trades
 */
export async function deleteTradesByHour(database: Database, selection: TradeSelection): Promise<number> {
  let deleted = 0;
  for (const part of await splitSelection(database.sql, selection)) {
    for (let first = await firstSelected(database, part); first !== null; ) {
      const hour = { from: first, to: earlierOf(floorTo(first, HOUR) + HOUR, part.to) };
      deleted += await retryConflicts(() => deleteTrades(database, { ...selection, ...hour }));
      first = await firstSelected(database, { ...part, from: hour.to });
    }
  }
  return deleted;
}

/** Splits the selection so that a statement over each part touches few chunks. */
async function splitSelection(sql: Sql, selection: TradeSelection): Promise<TradeSelection[]> {
  const stretches = await splitByChunks(sql, ["trades"], touchedHours(selection));
  return stretches.map(({ from, to }) => ({
    ...selection,
    from: laterOf(from, selection.from),
    to: earlierOf(to, selection.to),
  }));
}

function firstSelected(database: Database, selection: TradeSelection): Promise<Micros | null> {
  return readOnly(database, async (sql) => {
    const [row] = await sql<{ ts: string }[]>`
      SELECT (extract(epoch FROM ts) * 1000000)::bigint::text AS ts FROM trades WHERE ${isSelected(sql, selection)}
      ORDER BY trades.ts LIMIT 1`;
    return row === undefined ? null : BigInt(row.ts);
  });
}

/**
 * Deletes trades and recomputes their rollups in one transaction. Concurrent writers into these buckets wait, and their
 * trades are counted.
 * @returns how many trades were deleted
 * @throws RawDataExpired if an affected hour begins before the horizon of raw trades
 */
export async function deleteTrades({ sql }: Database, selection: TradeSelection): Promise<number> {
  return inTransaction(sql, READ_COMMITTED, async (transaction) => {
    await lockCorrections(transaction);
    const hours = touchedHours(selection);
    requireRows(await readHorizons(transaction), { trades: [hours] });
    await planForTimes(transaction);
    await decompressWithoutLimit(transaction);
    await transaction`SET LOCAL stellarindex.maintenance = 'on'`;
    // Locks are taken in the trigger's order: hours before minutes, each in key order. Trades of buckets that are
    // created after this are not deleted.
    const lockedHours = await lockRollups(transaction, "trades_1h", selection, hours);
    await lockRollups(transaction, "trades_1m", selection, hours);
    let count = 0;
    for (const relation of await relationsWithin(transaction, "trades", hours)) {
      const deleted = await transaction`
        DELETE FROM ${sql(relation)} AS trades
        USING unnest(
          ${lockedHours.map(({ source }) => source)}::text[],
          ${lockedHours.map(({ bucket }) => bucket)}::text[]::timestamptz[]
        ) AS locked (source, bucket)
        WHERE ${isSelected(sql, selection)} AND trades.source = locked.source
          AND trades.ts >= locked.bucket AND trades.ts < locked.bucket + interval '1 hour'`;
      count += deleted.count;
    }
    if (count > 0) await recountHours(transaction, selection.pair, hours, lockedHours);
    return count;
  }) as Promise<number>;
}

function touchedHours({ from, to }: TradeSelection): Bucket {
  return { from: floorTo(from, HOUR), to: ceilTo(to, HOUR) };
}

function isSelected(sql: Sql, { pair, from, to, source, tradeIds }: TradeSelection) {
  return sql`trades.base_asset = ${pair.base} AND trades.quote_asset = ${pair.quote}
    AND trades.ts >= ${timestamptz(from)}::timestamptz AND trades.ts < ${timestamptz(to)}::timestamptz
    ${source === undefined ? sql`` : sql`AND trades.source = ${source}`}
    ${tradeIds === undefined ? sql`` : sql`AND trades.trade_id = ANY(${tradeIds as string[]}::text[])`}`;
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
      AND bucket >= ${timestamptz(from)}::timestamptz AND bucket < ${timestamptz(to)}::timestamptz
      ${source === undefined ? sql`` : sql`AND source = ${source}`}
    ORDER BY base_asset, quote_asset, bucket, source
    FOR UPDATE`;
}
