import type { Asset } from "../canonical/asset.ts";
import type { Decimal } from "../canonical/decimal.ts";
import {
  ceilFraction,
  compareFractions,
  type Fraction,
  fraction,
  fractionOf,
  ONE,
  over,
  times,
} from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { seconds } from "../canonical/time.ts";
import { AMOUNT_DECIMALS } from "../canonical/trade-rules.ts";
import { currencyOf } from "./aliases.ts";
import type { FxQuote } from "./fx-rates.ts";
import type { Policy } from "./policy.ts";

/** Maximum age of an exchange rate to USD. */
export const FX_QUOTE_MAX_AGE = seconds(7 * 24 * 3600);

export const USD = "fiat:USD" as Asset;

/**
 * Returns the currency that the pair's quote is or is pegged to, for valuing volumes in USD; null where there is none.
 */
export function quoteCurrency(pair: Pair, { aliases, pegs }: Policy): Asset | null {
  return currencyOf(pair.quote, aliases, pegs);
}

export function isUsd(currency: Asset): boolean {
  return currency === USD;
}

/** Returns USD per unit of the currency of an FX quote, unrounded. */
export function usdRateOf({ price, inverse }: FxQuote): Fraction {
  return inverse ? over(ONE, fractionOf(price)) : fractionOf(price);
}

/** Returns the unrounded USD value of a quote volume; null where the rate is unknown. */
export function usdVolumeOf(quoteVolume: Decimal, usdRate: Fraction | null): Fraction | null {
  return usdRate === null ? null : times(fractionOf(quoteVolume), usdRate);
}

/** A venue with less than 1/100 of the volume floor has no vote. */
const VOTE_DIVISOR = fraction(100n, 1n);

/**
 * Returns the minimum quote volume with which a venue has a vote in a median of prices: 1/100 of the volume floor,
 * rounded up to the decimals of a volume. Without it, dust on a few venues or in a few hours could outvote the market.
 * Null, so that any volume has a vote, where the floor is off or the rate of the quote's currency is unknown.
 */
export function minVotingVolume(
  currencyRate: Fraction | null,
  { minUsdVolume }: Pick<Policy, "minUsdVolume">,
): Decimal | null {
  if (currencyRate === null || minUsdVolume.isZero()) return null;
  return ceilFraction(over(fractionOf(minUsdVolume), times(currencyRate, VOTE_DIVISOR)), AMOUNT_DECIMALS);
}

/** Returns whether a quote volume has a vote; see {@link minVotingVolume}. */
export function hasVote(quoteVolume: Decimal, minimum: Decimal | null): boolean {
  return minimum === null || !quoteVolume.lessThan(minimum);
}

/** Why the volume floor withholds a value. */
export type FloorRefusal = "below-floor" | "unknown-usd-volume";

/** Returns why the volume floor withholds a value of this USD volume, or null where it passes. A floor of 0 is off. */
export function checkFloor(
  volume: Fraction | null,
  { minUsdVolume, unknownVolume }: Pick<Policy, "minUsdVolume" | "unknownVolume">,
): FloorRefusal | null {
  if (minUsdVolume.isZero()) return null;
  if (volume === null) return unknownVolume === "refuse" ? "unknown-usd-volume" : null;
  return compareFractions(volume, fractionOf(minUsdVolume)) < 0 ? "below-floor" : null;
}
