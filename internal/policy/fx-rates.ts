import type { Decimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";

/** An exchange rate to USD. With `inverse` the price is the currency per USD instead of USD per currency. */
export interface FxQuote {
  readonly price: Decimal;
  readonly inverse: boolean;
}

/** The last exchange rate between two currencies; `pair` has the orientation of the quote. */
export interface FxRate {
  readonly pair: Pair;
  readonly price: Decimal;
  readonly ts: Micros;
  readonly source: string;
}

/** The exchange rates at a point in time. */
export interface FxRates {
  /** One rate per pair of currencies. */
  readonly current: readonly FxRate[];
  /** Currency pairs, as quoted, whose last rate is too old. */
  readonly stale: readonly Pair[];
  /** Currency pairs, as quoted, whose last rate retention may have removed. */
  readonly expired: readonly ExpiredRate[];
}

/** A currency pair whose rate can no longer be read; `error` gives the reason. */
export interface ExpiredRate {
  readonly pair: Pair;
  readonly error: Error;
}
