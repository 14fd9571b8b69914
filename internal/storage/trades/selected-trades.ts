import type { PendingQuery, Row } from "postgres";
import type { Bucket } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { LastTrade, PriceSelection } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { formsPrice, limitNames, passes, unnestedLimits } from "../windows/price-filter.ts";

/** A FROM item: the selected trades of the bucket as `trade`; `ending` (ORDER BY, LIMIT) applies to each pair. */
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
        AND ts >= ${timestamptz(bucket.from)}::timestamptz AND ts < ${timestamptz(bucket.to)}::timestamptz
        ${sources === null ? sql`` : sql`AND source = ANY(${sources as string[]}::text[])`}
        ${filter === null ? sql`` : sql`AND ${passes(sql, "limits")} AND ${formsPrice(sql)}`}
      ${ending} OFFSET 0
    ) AS trade`;
}

/** Reads the last selected trade of the bucket; one index scan per pair, from the bucket's end. */
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
