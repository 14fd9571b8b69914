import type { PendingQuery, Row } from "postgres";
import type { Sql } from "./database.ts";

/**
 * What trades say the rollups are: `computed_1m` and `computed_1h` with the columns of `trades_1m` and `trades_1h`, for use
 * behind WITH. It buckets, orders and picks in other ways than the trigger does, so that each can prove the other wrong.
 * @param condition of whole hours of `trades`
 */
export function recomputedRollups(sql: Sql, condition: PendingQuery<Row[]>) {
  return sql`
    ordered AS (
      SELECT base_asset, quote_asset, source, ts, trade_id, base_amount, quote_amount, price,
        date_trunc('minute', ts, 'UTC') AS bucket,
        row_number() OVER in_order = 1 AS opens,
        lead(ts) OVER in_order IS NULL AS closes
      FROM trades
      WHERE ${condition}
      WINDOW in_order AS (
        PARTITION BY base_asset, quote_asset, source, date_trunc('minute', ts, 'UTC')
        ORDER BY ts, char_length(trade_id), trade_id
      )
    ),
    computed_1m AS MATERIALIZED (
      SELECT base_asset, quote_asset, bucket, source, count(*) AS trade_count,
        sum(base_amount) AS base_volume, sum(quote_amount) AS quote_volume,
        sum(price) AS price_sum, sum(price * price) AS price_square_sum, min(price) AS price_min, max(price) AS price_max,
        min(ts) FILTER (WHERE opens) AS open_ts, min(trade_id) FILTER (WHERE opens) AS open_trade_id,
        min(price) FILTER (WHERE opens) AS open_price,
        min(ts) FILTER (WHERE closes) AS close_ts, min(trade_id) FILTER (WHERE closes) AS close_trade_id,
        min(price) FILTER (WHERE closes) AS close_price
      FROM ordered
      GROUP BY base_asset, quote_asset, bucket, source
    ),
    computed_1h AS MATERIALIZED (
      SELECT base_asset, quote_asset, date_trunc('hour', bucket, 'UTC') AS bucket, source,
        sum(trade_count)::bigint AS trade_count,
        sum(base_volume) AS base_volume, sum(quote_volume) AS quote_volume,
        sum(price_sum) AS price_sum, sum(price_square_sum) AS price_square_sum,
        min(price_min) AS price_min, max(price_max) AS price_max,
        min(open_ts) AS open_ts, (array_agg(open_trade_id ORDER BY open_ts))[1] AS open_trade_id,
        (array_agg(open_price ORDER BY open_ts))[1] AS open_price,
        max(close_ts) AS close_ts, (array_agg(close_trade_id ORDER BY close_ts DESC))[1] AS close_trade_id,
        (array_agg(close_price ORDER BY close_ts DESC))[1] AS close_price
      FROM computed_1m
      GROUP BY base_asset, quote_asset, date_trunc('hour', bucket, 'UTC'), source
    )`;
}
