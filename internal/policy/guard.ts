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
import { vwapOf } from "./vwap-of.ts";
import { isWithinFactor } from "./within-factor.ts";

/** Significant digits of the band that single prices are compared with. */
const BAND_DIGITS = 60;

type GuardRule = Pick<Policy, "guardFactor" | "guardConfirmations" | "minUsdVolume">;

/** The guard's decision about a value. */
export interface Guarded {
  /** Whether the value is too far from the recent price and too few sources confirm it. */
  readonly withheld: boolean;
  /** The prices around which single prices of the bucket may be shown; null with the guard off. */
  readonly guardRange: GuardRange | null;
}

/** The lowest and the highest reference price; a single price may be up to `guardFactor` below or above them. */
export interface GuardRange {
  readonly low: Fraction;
  readonly high: Fraction;
}

/**
 * Compares a value with the pair's recent price. A value that differs by more than `guardFactor` is withheld unless
 * `guardConfirmations` sources each traded at least `minUsdVolume` at a price within the factor of the value. The guard
 * range spans the recent price and a confirmed value; without a recent price it is the value.
 * @param price the unrounded value
 * @param recent the recent price; null where there were no recent trades, and then nothing is withheld
 * @param usdRate USD per unit of the quote; null where unknown, and then no source can confirm
 */
export function guard(
  price: Fraction,
  kept: readonly SourceVolumes[],
  recent: Fraction | null,
  usdRate: Fraction | null,
  rule: GuardRule,
): Guarded {
  const { guardFactor } = rule;
  if (guardFactor.isZero()) return { withheld: false, guardRange: null };
  if (recent === null) return { withheld: false, guardRange: { low: price, high: price } };
  const guardRange = { low: recent, high: recent };
  if (isWithinFactor(price, recent, guardFactor)) return { withheld: false, guardRange };
  if (countConfirmations(price, kept, usdRate, rule) < rule.guardConfirmations) return { withheld: true, guardRange };
  const [low, high] = compareFractions(price, recent) < 0 ? [price, recent] : [recent, price];
  return { withheld: false, guardRange: { low, high } };
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
    const meetsFloor = minUsdVolume.isZero() || (worth !== null && compareFractions(worth, floor) >= 0);
    return meetsFloor && isWithinFactor(vwapOf(source), price, guardFactor);
  }).length;
}

/** Returns the prices from `low / factor` to `high * factor`. */
export function bandAround({ low, high }: GuardRange, factor: Decimal): PriceBand {
  const reach = fractionOf(factor);
  return {
    low: roundFractionDigits(over(low, reach), BAND_DIGITS),
    high: roundFractionDigits(times(high, reach), BAND_DIGITS),
  };
}
