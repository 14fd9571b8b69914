import type { Divergence } from "../cache/divergence.ts";
import { compareBytes } from "../canonical/compare.ts";
import { type Decimal, formatDecimal, parseDecimal, roundPublished } from "../canonical/decimal.ts";
import {
  compareFractions,
  distance,
  type Fraction,
  fraction,
  fractionOf,
  medianOf,
  minus,
  over,
  roundFraction,
  roundFractionTo,
  times,
} from "../canonical/fraction.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { formatTime, type Micros } from "../canonical/time.ts";

/** A reference's price of a pair. */
export interface NamedQuote {
  readonly reference: string;
  readonly price: Decimal;
  readonly asOf: Micros;
}

export interface DivergenceRules {
  /** Per cent of our price; further off than this is a warning. */
  readonly thresholdPct: Decimal;
  /** Fewer references than this say nothing. */
  readonly minReferences: number;
}

const HUNDRED = fraction(100n, 1n);
const DEVIATION_DECIMALS = 6;

/**
 * Holds a published price against the median of the references' prices, decided exactly: a warning where
 * |median − price| > threshold · price, and enough references are there.
 * @param quotes one per reference, fresh ones
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
        // As given it may be longer than what can be read back.
        price: formatDecimal(roundPublished(price)),
        as_of: formatTime(asOf),
      })),
  };
}

/** (other − ours) / ours in per cent. */
export function deviationPct(ours: Fraction, other: Fraction): string {
  return formatDecimal(roundFractionTo(times(over(minus(other, ours), ours), HUNDRED), DEVIATION_DECIMALS));
}
