import type { PendingQuery, Row } from "postgres";
import type { LastTrade, TimeWeightedSums } from "../aggregate/reader.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { type Horizons, requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";

/** Σ price·Δt and Σ Δt over the bucket's trades, in their order. See {@link TradeReader.timeWeighted}. */
export async function readTimeWeighted(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  sources: readonly string[] | null,
): Promise<TimeWeightedSums> {
  requireRows(horizons, { trades: [bucket] });
  const [row] = await sql<{ weighted_sum: string; duration: string; trade_count: string }[]>`
    SELECT coalesce(sum(price * stands), 0)::text AS weighted_sum, coalesce(sum(stands), 0)::bigint::text AS duration,
      count(*)::text AS trade_count
    FROM (
      SELECT trade.price,
        (extract(epoch FROM lead(trade.ts, 1, ${moment(bucket.to)}::timestamptz) OVER (
          ORDER BY trade.ts, trade.source, length(trade.trade_id), trade.trade_id, trade.base_asset, trade.quote_asset
        )) - extract(epoch FROM trade.ts)) * 1000000 AS stands
      FROM ${tradesOf(sql, pairs, bucket, sources)}
    ) AS prices`;
  return {
    weightedSum: parseDecimal(row?.weighted_sum ?? "0"),
    duration: BigInt(row?.duration ?? "0"),
    tradeCount: Number(row?.trade_count ?? "0"),
  };
}

/** The last trade of the bucket. See {@link TradeReader.lastTrade}. */
export async function readLastTrade(
  sql: Sql,
  horizons: Horizons,
  pairs: readonly Pair[],
  bucket: Bucket,
  sources: readonly string[] | null,
): Promise<LastTrade | null> {
  requireRows(horizons, { trades: [bucket] });
  const last = sql`ORDER BY trade.ts DESC, trade.source DESC, length(trade.trade_id) DESC, trade.trade_id DESC`;
  const [row] = await sql<{ ts: string; source: string; price: string }[]>`
    SELECT (extract(epoch FROM trade.ts) * 1000000)::bigint::text AS ts, trade.source, trade.price::text AS price
    FROM ${tradesOf(sql, pairs, bucket, sources, sql`${last} LIMIT 1`)}
    ${last}, trade.base_asset DESC, trade.quote_asset DESC
    LIMIT 1`;
  return row === undefined ? null : { ts: BigInt(row.ts), source: row.source, price: parseDecimal(row.price) };
}

function tradesOf(
  sql: Sql,
  pairs: readonly Pair[],
  bucket: Bucket,
  sources: readonly string[] | null,
  ending: PendingQuery<Row[]> = sql``,
) {
  return sql`
    unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[]) AS pair (base, quote)
    CROSS JOIN LATERAL (
      SELECT * FROM trades AS trade
      WHERE base_asset = pair.base AND quote_asset = pair.quote
        AND ts >= ${moment(bucket.from)}::timestamptz AND ts < ${moment(bucket.to)}::timestamptz
        ${sources === null ? sql`` : sql`AND source = ANY(${sources as string[]}::text[])`}
      ${ending} OFFSET 0
    ) AS trade`;
}
