import type { Asset } from "./asset.ts";
import { type Decimal, parseDecimal } from "./decimal.ts";
import type { Micros } from "./time.ts";

/** The most decimals that an amount may have. */
export const AMOUNT_DECIMALS = 30;

/** A trade as it is stored: in its own market's orientation, amounts in whole units of the asset. */
export interface TradeRow {
  readonly base: Asset;
  readonly quote: Asset;
  readonly ts: Micros;
  readonly source: string;
  /** Unique per market, moment and source. */
  readonly tradeId: string;
  readonly baseAmount: Decimal;
  readonly quoteAmount: Decimal;
}

/** Venues on Stellar's ledger, whose amounts are whole multiples of 1e-7. */
const STELLAR_VENUES: ReadonlySet<string> = new Set(["aquarius", "comet", "phoenix", "sdex", "soroswap"]);
/** A thousand units of precision: on Stellar 1e-7 each, elsewhere 1e-8. */
const STELLAR_THOUSAND = parseDecimal("0.0001");
const OTHER_THOUSAND = parseDecimal("0.00001");

/**
 * Whether the trade's amounts are large enough for its ratio to be a price: rounding either amount by one unit of the
 * venue's precision moves it by at most 0.1 %, so that 1/base + 1/quote <= 1/(1000 units). The SQL function `forms_price`
 * is the same rule.
 */
export function formsPrice(trade: Pick<TradeRow, "base" | "quote" | "source" | "baseAmount" | "quoteAmount">): boolean {
  const { base, quote, source, baseAmount, quoteAmount } = trade;
  const isOnLedger = STELLAR_VENUES.has(source) || !base.includes(":") || !quote.includes(":");
  const least = baseAmount.plus(quoteAmount).times(isOnLedger ? STELLAR_THOUSAND : OTHER_THOUSAND);
  return !baseAmount.times(quoteAmount).lessThan(least);
}
