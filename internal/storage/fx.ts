import { FX_QUOTE_MAX_AGE } from "../aggregate/floor.ts";
import type { FxQuote } from "../aggregate/reader.ts";
import type { Asset } from "../canonical/asset.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import type { Micros } from "../canonical/time.ts";
import type { Sql } from "./database.ts";
import { type Horizons, requireRows } from "./horizons.ts";
import { moment } from "./moment.ts";

/**
 * The last rate between a currency and USD at or before `at`. See {@link TradeReader.fxQuote}.
 * @throws RawDataExpired where retention may have removed the quote that was the last one
 */
export async function readFxQuote(
  sql: Sql,
  horizons: Horizons,
  currency: Asset,
  sources: readonly string[],
  at: Micros,
): Promise<FxQuote | null> {
  const quotesOf = (base: string, quote: string, inverse: boolean) => sql`(
    SELECT ts, source, trade_id, price, ${inverse}::boolean AS inverse
    FROM trades
    WHERE base_asset = ${base} AND quote_asset = ${quote} AND price > 0
      AND ts >= ${moment(at - FX_QUOTE_MAX_AGE)}::text::timestamptz AND ts <= ${moment(at)}::text::timestamptz
      AND source = ANY(${sources as string[]}::text[])
    ORDER BY ts DESC, source DESC, length(trade_id) DESC, trade_id DESC
    LIMIT 1)`;
  const [last] = await sql<{ ts: string; price: string; inverse: boolean }[]>`
    SELECT (extract(epoch FROM ts) * 1000000)::bigint::text AS ts, price::text AS price, inverse
    FROM (${quotesOf(currency, "fiat:USD", false)} UNION ALL ${quotesOf("fiat:USD", currency, true)}) AS quotes
    ORDER BY ts DESC, source DESC, length(trade_id) DESC, trade_id DESC, inverse
    LIMIT 1`;
  const oldest = last === undefined ? at - FX_QUOTE_MAX_AGE : BigInt(last.ts);
  requireRows(horizons, { trades: [{ from: oldest, to: at + 1n }] });
  return last === undefined ? null : { price: parseDecimal(last.price), inverse: last.inverse };
}
