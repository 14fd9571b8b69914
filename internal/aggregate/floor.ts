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
import { AMOUNT_DECIMALS } from "../canonical/trade.ts";
import { currencyOf } from "./aliases.ts";
import type { Policy } from "./policy.ts";
import type { FxQuote } from "./reader.ts";

/** How old a rate to USD may be. */
export const FX_QUOTE_MAX_AGE = seconds(7 * 24 * 3600);

export const USD = "fiat:USD" as Asset;

/** The currency whose rate to USD a quote volume of `pair` is worth, or null where it has none. */
export function quoteCurrency(pair: Pair, { aliases, pegs }: Policy): Asset | null {
  return currencyOf(pair.quote, aliases, pegs);
}

/** Whether amounts in the currency are USD as they stand. */
export function isUsd(currency: Asset): boolean {
  return currency === USD;
}

/** USD per unit of a currency at an FX quote, exactly. */
export function usdRateOf({ price, inverse }: FxQuote): Fraction {
  return inverse ? over(ONE, fractionOf(price)) : fractionOf(price);
}

/** The USD value of a quote volume, exactly; null where the rate is not known. */
export function usdVolumeOf(quoteVolume: Decimal, usdRate: Fraction | null): Fraction | null {
  return usdRate === null ? null : times(fractionOf(quoteVolume), usdRate);
}

/** A venue that is worth less than this part of the floor has no vote. */
const VOTE_DIVISOR = fraction(100n, 1n);

/**
 * The quote volume from which a venue's trades are worth enough to have a vote on what the market's price is: a hundredth of the
 * volume floor, rounded up to the decimals that a volume can have. Dust on a few venues, or in a few hours, would otherwise
 * outvote the market. Null, and any volume has a vote, where the floor is off or the rate of the quote's currency is not known.
 */
export function leastVote(
  currencyRate: Fraction | null,
  { minUsdVolume }: Pick<Policy, "minUsdVolume">,
): Decimal | null {
  if (currencyRate === null || minUsdVolume.isZero()) return null;
  return ceilFraction(over(fractionOf(minUsdVolume), times(currencyRate, VOTE_DIVISOR)), AMOUNT_DECIMALS);
}

/** Whether a quote volume has a vote; see {@link leastVote}. */
export function hasVote(quoteVolume: Decimal, least: Decimal | null): boolean {
  return least === null || !quoteVolume.lessThan(least);
}

/** Why the volume floor lets nothing be published; null where it does. A floor of 0 is off. */
export type FloorRefusal = "below-floor" | "unknown-usd-volume";

export function checkFloor(
  volume: Fraction | null,
  { minUsdVolume, unknownVolume }: Pick<Policy, "minUsdVolume" | "unknownVolume">,
): FloorRefusal | null {
  if (minUsdVolume.isZero()) return null;
  if (volume === null) return unknownVolume === "refuse" ? "unknown-usd-volume" : null;
  return compareFractions(volume, fractionOf(minUsdVolume)) < 0 ? "below-floor" : null;
}
