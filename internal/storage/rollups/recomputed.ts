import type { PendingQuery, Row } from "postgres";
import type { Sql } from "../connection/pool.ts";

/** Columns for open, high, low and close over the trades that form a price; the last columns of the rollups. */
const FORMING = [
  "forming_open_ts",
  "forming_open_trade_id",
  "forming_open_price",
  "forming_high_price",
  "forming_low_price",
  "forming_close_ts",
  "forming_close_trade_id",
  "forming_close_price",
];

/**
 * CTEs that recompute the rollups from trades: `computed_1m` and `computed_1h` with the columns of `trades_1m` and
 * `trades_1h`. They deliberately use other functions than the trigger, so that an error in either shows as a
 * difference.
 * @param condition selects whole hours of `trades`
 */
export function recomputedRollups(sql: Sql, condition: PendingQuery<Row[]>) {
  return sql`
    ordered AS (
      SELECT *,
        row_number() OVER in_order = 1 AS opens,
        lead(ts) OVER in_order IS NULL AS closes,
        forms AND count(*) FILTER (WHERE forms) OVER in_order = 1 AS forming_opens,
        forms AND count(*) FILTER (WHERE forms) OVER in_order
          = count(*) FILTER (WHERE forms) OVER (PARTITION BY base_asset, quote_asset, source, bucket) AS forming_closes
      FROM (
        SELECT base_asset, quote_asset, source, ts, trade_id, base_amount, quote_amount, price,
          date_trunc('minute', ts, 'UTC') AS bucket,
          forms_price(source, base_asset, quote_asset, base_amount, quote_amount) AS forms
        FROM trades
        WHERE ${condition}
      ) AS trade
      WINDOW in_order AS (
        PARTITION BY base_asset, quote_asset, source, bucket ORDER BY ts, char_length(trade_id), trade_id
      )
    ),
    minutes AS MATERIALIZED (
      SELECT base_asset, quote_asset, bucket, source, count(*) AS trade_count,
        sum(base_amount) AS base_volume, sum(quote_amount) AS quote_volume,
        sum(price) AS price_sum, sum(price * price) AS price_square_sum, min(price) AS price_min, max(price) AS price_max,
        min(ts) FILTER (WHERE opens) AS open_ts, min(trade_id) FILTER (WHERE opens) AS open_trade_id,
        min(price) FILTER (WHERE opens) AS open_price,
        min(ts) FILTER (WHERE closes) AS close_ts, min(trade_id) FILTER (WHERE closes) AS close_trade_id,
        min(price) FILTER (WHERE closes) AS close_price,
        sum(price * quote_amount) AS quote_price_sum, sum(price * price * quote_amount) AS quote_price_square_sum,
        count(*) - count(*) FILTER (WHERE forms) AS imprecise_count,
        min(ts) FILTER (WHERE forming_opens) AS forming_open_ts,
        min(trade_id) FILTER (WHERE forming_opens) AS forming_open_trade_id,
        min(price) FILTER (WHERE forming_opens) AS forming_open_price,
        max(price) FILTER (WHERE forms) AS forming_high_price, min(price) FILTER (WHERE forms) AS forming_low_price,
        min(ts) FILTER (WHERE forming_closes) AS forming_close_ts,
        min(trade_id) FILTER (WHERE forming_closes) AS forming_close_trade_id,
        min(price) FILTER (WHERE forming_closes) AS forming_close_price
      FROM ordered
      GROUP BY base_asset, quote_asset, bucket, source
    ),
    hours AS MATERIALIZED (
      SELECT base_asset, quote_asset, date_trunc('hour', bucket, 'UTC') AS bucket, source,
        sum(trade_count)::bigint AS trade_count,
        sum(base_volume) AS base_volume, sum(quote_volume) AS quote_volume,
        sum(price_sum) AS price_sum, sum(price_square_sum) AS price_square_sum,
        min(price_min) AS price_min, max(price_max) AS price_max,
        min(open_ts) AS open_ts, (array_agg(open_trade_id ORDER BY open_ts))[1] AS open_trade_id,
        (array_agg(open_price ORDER BY open_ts))[1] AS open_price,
        max(close_ts) AS close_ts, (array_agg(close_trade_id ORDER BY close_ts DESC))[1] AS close_trade_id,
        (array_agg(close_price ORDER BY close_ts DESC))[1] AS close_price,
        sum(quote_price_sum) AS quote_price_sum, sum(quote_price_square_sum) AS quote_price_square_sum,
        sum(imprecise_count)::bigint AS imprecise_count,
        min(forming_open_ts) AS forming_open_ts,
        (array_agg(forming_open_trade_id ORDER BY forming_open_ts))[1] AS forming_open_trade_id,
        (array_agg(forming_open_price ORDER BY forming_open_ts))[1] AS forming_open_price,
        max(forming_high_price) AS forming_high_price, min(forming_low_price) AS forming_low_price,
        max(forming_close_ts) AS forming_close_ts,
        (array_agg(forming_close_trade_id ORDER BY forming_close_ts DESC NULLS LAST))[1] AS forming_close_trade_id,
        (array_agg(forming_close_price ORDER BY forming_close_ts DESC NULLS LAST))[1] AS forming_close_price
      FROM minutes
      GROUP BY base_asset, quote_asset, date_trunc('hour', bucket, 'UTC'), source
    ),
    computed_1m AS (${asStored(sql, "minutes")}),
    computed_1h AS (${asStored(sql, "hours")})`;
}

/** The forming columns are NULL if all trades of a row form a price: they would repeat open, high, low and close. */
function asStored(sql: Sql, rows: "minutes" | "hours") {
  const forming = FORMING.map((column) => sql`CASE WHEN imprecise_count > 0 THEN ${sql(column)} END AS ${sql(column)}`);
  return sql`
    SELECT base_asset, quote_asset, bucket, source, trade_count, base_volume, quote_volume, price_sum, price_square_sum,
      price_min, price_max, open_ts, open_trade_id, open_price, close_ts, close_trade_id, close_price,
      quote_price_sum, quote_price_square_sum, imprecise_count, ${forming.reduce((all, each) => sql`${all}, ${each}`)}
    FROM ${sql(rows)}`;
}
