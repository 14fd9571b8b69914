import type { PendingQuery, Row } from "postgres";
import type { LastTrade, PriceSelection } from "../aggregate/reader.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Sql } from "./database.ts";
import { moment } from "./moment.ts";
import { formsPrice, limitNames, passes, unnestedLimits } from "./price-filter.ts";

/** The selected trades of the bucket as `trade`, pair by pair; `ending` goes behind each pair's. */
export function selectedTrades(
  sql: Sql,
  pairs: readonly Pair[],
  bucket: Bucket,
  { sources, filter }: PriceSelection,
  ending: PendingQuery<Row[]> = sql``,
) {
  return sql`
    unnest(${pairs.map(({ base }) => base)}::text[], ${pairs.map(({ quote }) => quote)}::text[]) AS pair (base, quote)
    ${filter === null ? sql`` : sql`CROSS JOIN unnest(${unnestedLimits(sql, [filter])}) AS limits (${limitNames(sql)})`}
    CROSS JOIN LATERAL (
      SELECT * FROM trades AS trade
      WHERE base_asset = pair.base AND quote_asset = pair.quote
        AND ts >= ${moment(bucket.from)}::timestamptz AND ts < ${moment(bucket.to)}::timestamptz
        ${sources === null ? sql`` : sql`AND source = ANY(${sources as string[]}::text[])`}
        ${filter === null ? sql`` : sql`AND ${passes(sql, "limits")} AND ${formsPrice(sql)}`}
      ${ending} OFFSET 0
    ) AS trade`;
}

/** The last selected trade of the bucket: a look from its end into each pair's index. */
export async function lastSelectedTrade(
  sql: Sql,
  pairs: readonly Pair[],
  bucket: Bucket,
  selection: PriceSelection,
): Promise<LastTrade | null> {
  const last = sql`ORDER BY trade.ts DESC, trade.source DESC, length(trade.trade_id) DESC, trade.trade_id DESC`;
  const [row] = await sql<{ ts: string; source: string; price: string }[]>`
    SELECT (extract(epoch FROM trade.ts) * 1000000)::bigint::text AS ts, trade.source, trade.price::text AS price
    FROM ${selectedTrades(sql, pairs, bucket, selection, sql`${last} LIMIT 1`)}
    ${last}, trade.base_asset DESC, trade.quote_asset DESC
    LIMIT 1`;
  return row === undefined ? null : { ts: BigInt(row.ts), source: row.source, price: parseDecimal(row.price) };
}
