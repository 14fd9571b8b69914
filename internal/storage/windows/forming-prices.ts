import { parseDecimal } from "../../canonical/decimal.ts";
import type { CandlePrices } from "../../policy/candles/candles.ts";
import type { Sql } from "../connection/pool.ts";

/**
 * Columns with open, high, low and close of a rollup over its trades that form a price; NULL if none does or it is
 * unknown. They are stored separately only if some of the trades form a price and some do not.
 */
export function formingPrices(sql: Sql) {
  const either = (ofAll: string, stored: string) => sql`
    CASE WHEN imprecise_count = 0 THEN ${sql(ofAll)} ELSE ${sql(stored)} END`;
  return sql`
    ${either("open_ts", "forming_open_ts")} AS first_ts, ${either("open_trade_id", "forming_open_trade_id")} AS first_id,
    ${either("open_price", "forming_open_price")} AS open, ${either("price_max", "forming_high_price")} AS high,
    ${either("price_min", "forming_low_price")} AS low, ${either("close_ts", "forming_close_ts")} AS last_ts,
    ${either("close_trade_id", "forming_close_trade_id")} AS last_id,
    ${either("close_price", "forming_close_price")} AS close`;
}

/** Aggregates these columns over a group of rows in the order of trades; NULL if all rows have NULL. */
export function pricesOfGroup(sql: Sql) {
  return sql`
    (array_agg(open ORDER BY first_ts, source, length(first_id), first_id, base_asset, quote_asset)
      FILTER (WHERE open IS NOT NULL))[1]::text AS open,
    max(high)::text AS high,
    min(low)::text AS low,
    (array_agg(close ORDER BY last_ts DESC, source DESC, length(last_id) DESC, last_id DESC, base_asset DESC,
      quote_asset DESC) FILTER (WHERE close IS NOT NULL))[1]::text AS close`;
}

/** The four prices as text. */
export interface PricesRow {
  readonly open: string | null;
  readonly high: string | null;
  readonly low: string | null;
  readonly close: string | null;
}

export function pricesFrom({ open, high, low, close }: PricesRow): CandlePrices | null {
  if (open === null || high === null || low === null || close === null) return null;
  return { open: parseDecimal(open), high: parseDecimal(high), low: parseDecimal(low), close: parseDecimal(close) };
}
