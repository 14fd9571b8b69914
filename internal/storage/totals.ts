import type { SourceTotals } from "../aggregate/reader.ts";
import { type Bucket, splitBucket } from "../canonical/bucket.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { type Horizons, requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";

interface Row {
  source: string;
  trade_count: string;
  base_volume: string;
  quote_volume: string;
  price_sum: string;
  price_square_sum: string;
  price_min: string;
  price_max: string;
}

/**
 * Sums per source over every trade of the pairs in the bucket: hour rollups, minute rollups at its ends, and raw trades
 * in the last partial minutes. See {@link TradeReader.totals}.
 */
export async function readTotals(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
): Promise<SourceTotals[]> {
  const parts = splitBucket(bucket);
  requireRows(horizons, {
    trades: [parts.headTrades, parts.tailTrades],
    minutes: [parts.headMinutes, parts.tailMinutes],
    hours: [parts.hours],
  });
  const rollup = (table: string, part: Bucket) => sql`
    SELECT source, trade_count, base_volume, quote_volume, price_sum, price_square_sum, price_min, price_max
    FROM ${sql(table)}
    WHERE base_asset = pair.base AND quote_asset = pair.quote
      AND bucket >= ${moment(part.from)}::timestamptz AND bucket < ${moment(part.to)}::timestamptz`;
  const trades = (part: Bucket) => sql`
    SELECT source, count(*), sum(base_amount), sum(quote_amount), sum(price), sum(price * price), min(price), max(price)
    FROM trades
    WHERE base_asset = pair.base AND quote_asset = pair.quote
      AND ts >= ${moment(part.from)}::timestamptz AND ts < ${moment(part.to)}::timestamptz
    GROUP BY source`;
  const branches = [
    ...[parts.hours].filter(isNotEmpty).map((part) => rollup("trades_1h", part)),
    ...[parts.headMinutes, parts.tailMinutes].filter(isNotEmpty).map((part) => rollup("trades_1m", part)),
    ...[parts.headTrades, parts.tailTrades].filter(isNotEmpty).map((part) => trades(part)),
  ];
  const union = branches.reduce((all, branch) => sql`${all} UNION ALL ${branch}`);
  const rows = await sql<Row[]>`
    SELECT
      part.source, sum(part.trade_count)::text AS trade_count,
      sum(part.base_volume)::text AS base_volume, sum(part.quote_volume)::text AS quote_volume,
      sum(part.price_sum)::text AS price_sum, sum(part.price_square_sum)::text AS price_square_sum,
      min(part.price_min)::text AS price_min, max(part.price_max)::text AS price_max
    FROM unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[]) AS pair (base, quote)
    CROSS JOIN LATERAL (${union} OFFSET 0) AS part (
      source, trade_count, base_volume, quote_volume, price_sum, price_square_sum, price_min, price_max
    )
    GROUP BY part.source
    ORDER BY part.source COLLATE "C"`;
  return rows.map((row) => ({
    source: row.source,
    tradeCount: Number(row.trade_count),
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
    priceSum: parseDecimal(row.price_sum),
    priceSquareSum: parseDecimal(row.price_square_sum),
    priceMin: parseDecimal(row.price_min),
    priceMax: parseDecimal(row.price_max),
  }));
}

function isNotEmpty({ from, to }: Bucket): boolean {
  return from < to;
}
