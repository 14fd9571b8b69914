import { type Decimal, parseDecimal } from "../../canonical/decimal.ts";

/** Sums over trades as a query returns them. */
export interface SumsRow {
  trade_count: string;
  base_volume: string;
  quote_volume: string;
  price_sum: string;
  price_square_sum: string;
}

export interface Sums {
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
}

/** Parses the sums of a row. */
export function parseSums(row: SumsRow): Sums {
  return {
    tradeCount: Number(row.trade_count),
    baseVolume: parseDecimal(row.base_volume),
    quoteVolume: parseDecimal(row.quote_volume),
    priceSum: parseDecimal(row.price_sum),
    priceSquareSum: parseDecimal(row.price_square_sum),
  };
}
