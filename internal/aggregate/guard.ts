import type { Decimal } from "../canonical/decimal.ts";
import {
  compareFractions,
  type Fraction,
  fractionOf,
  over,
  roundFractionDigits,
  times,
} from "../canonical/fraction.ts";
import type { Policy } from "./policy.ts";
import type { PriceBand, SourceVolumes } from "./reader.ts";
import { volumePrice } from "./volume-price.ts";
import { isWithinFactor } from "./within-factor.ts";

/** Digits of the band that single prices are held against. */
const BAND_DIGITS = 60;

type GuardRule = Pick<Policy, "guardFactor" | "guardConfirmations" | "minUsdVolume">;

/** What the guard says of a value. */
export interface Guarded {
  /** The value is far from the recent price, and too few sources confirm it. */
  readonly withheld: boolean;
  /** What single prices of the bucket may be about; null where the guard is off. */
  readonly about: GuardedRange | null;
}

/** The lowest and the highest price that others are held against. */
export interface GuardedRange {
  readonly low: Fraction;
  readonly high: Fraction;
}

/**
 * Holds a value against the pair's recent price. One that is further from it than `guardFactor` is withheld, unless
 * `guardConfirmations` sources each traded `minUsdVolume` or more at a price within the factor of it. Then prices about the
 * recent price and about the new one may be shown, else those about the recent price; without one, those about the value.
 * @param price the value, not rounded
 * @param recent null: there were no trades lately, and nothing is withheld
 * @param usdRate USD per unit of the quote; null: not known, and no source confirms anything
 */
export function guard(
  price: Fraction,
  kept: readonly SourceVolumes[],
  recent: Fraction | null,
  usdRate: Fraction | null,
  rule: GuardRule,
): Guarded {
  const { guardFactor } = rule;
  if (guardFactor.isZero()) return { withheld: false, about: null };
  if (recent === null) return { withheld: false, about: { low: price, high: price } };
  const about = { low: recent, high: recent };
  if (isWithinFactor(price, recent, guardFactor)) return { withheld: false, about };
  if (countConfirmations(price, kept, usdRate, rule) < rule.guardConfirmations) return { withheld: true, about };
  const [low, high] = compareFractions(price, recent) < 0 ? [price, recent] : [recent, price];
  return { withheld: false, about: { low, high } };
}

function countConfirmations(
  price: Fraction,
  kept: readonly SourceVolumes[],
  usdRate: Fraction | null,
  { guardFactor, minUsdVolume }: GuardRule,
): number {
  const floor = fractionOf(minUsdVolume);
  return kept.filter((source) => {
    const worth = usdRate === null ? null : times(fractionOf(source.quoteVolume), usdRate);
    const isWorthIt = minUsdVolume.isZero() || (worth !== null && compareFractions(worth, floor) >= 0);
    return isWorthIt && isWithinFactor(volumePrice(source), price, guardFactor);
  }).length;
}

/** The prices from so many times below the range to so many times above it. */
export function bandAbout({ low, high }: GuardedRange, factor: Decimal): PriceBand {
  const reach = fractionOf(factor);
  return {
    low: roundFractionDigits(over(low, reach), BAND_DIGITS),
    high: roundFractionDigits(times(high, reach), BAND_DIGITS),
  };
}
