import type { Divergence } from "../cache/divergence.ts";
import { compareBytes } from "../canonical/compare.ts";
import { type Decimal, formatDecimal, parseDecimal, roundPublished } from "../canonical/decimal.ts";
import { deviationPct } from "../canonical/deviation.ts";
import {
  compareFractions,
  distance,
  fraction,
  fractionOf,
  medianOf,
  over,
  roundFraction,
  times,
} from "../canonical/fraction.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { formatTime, type Micros } from "../canonical/time.ts";

/** A reference's price of a pair, with the reference's name. */
export interface NamedQuote {
  readonly reference: string;
  readonly price: Decimal;
  readonly asOf: Micros;
}

export interface DivergenceRules {
  /** A larger deviation, in per cent of the published price, is a warning. */
  readonly thresholdPct: Decimal;
  /** With fewer references the price is not checked. */
  readonly minReferences: number;
}

const HUNDRED = fraction(100n, 1n);

/**
 * Compares a published price with the median of the references' prices, decided exactly: a warning where
 * |median − price| > threshold · price and there are enough references.
 * @param quotes one fresh quote per reference
 */
export function compareWithReferences(
  { pair, price, to }: Pick<PublishedValue, "pair" | "price" | "to">,
  quotes: readonly NamedQuote[],
  { thresholdPct, minReferences }: DivergenceRules,
): Divergence {
  const ours = fractionOf(parseDecimal(price));
  const checked = quotes.length >= Math.max(1, minReferences);
  const median = checked ? medianOf(quotes.map((quote) => fractionOf(quote.price))) : null;
  const reach = times(ours, over(fractionOf(thresholdPct), HUNDRED));
  return {
    pair,
    price,
    to,
    checked,
    median: median && formatDecimal(roundFraction(median)),
    deviation_pct: median && deviationPct(ours, median),
    threshold_pct: formatDecimal(thresholdPct),
    warning: median !== null && compareFractions(distance(median, ours), reach) > 0,
    references: [...quotes]
      .sort((a, b) => compareBytes(a.reference, b.reference))
      .map(({ reference, price, asOf }) => ({
        reference,
        // Rounded, because the original may be longer than parseDecimal accepts.
        price: formatDecimal(roundPublished(price)),
        as_of: formatTime(asOf),
      })),
  };
}
