import type { Asset } from "../canonical/asset.ts";
import type { Decimal } from "../canonical/decimal.ts";
import { compareFractions, type Fraction, fraction, fractionOf, ONE, over, times } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { seconds } from "../canonical/time.ts";
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

/** Venues that are worth less than this part of the floor have no vote in the venue rule. */
const VOTE_DIVISOR = fraction(100n, 1n);

/**
 * Whether a venue's trades are worth enough for its price to have a vote among the venues: a hundredth of the volume floor.
 * Dust on a few venues would otherwise outvote the market. Where the rate of the quote's currency is not known, all have one.
 */
export function hasVote(
  quoteVolume: Decimal,
  currencyRate: Fraction | null,
  { minUsdVolume }: Pick<Policy, "minUsdVolume">,
): boolean {
  if (currencyRate === null || minUsdVolume.isZero()) return true;
  const worth = times(times(fractionOf(quoteVolume), currencyRate), VOTE_DIVISOR);
  return compareFractions(worth, fractionOf(minUsdVolume)) >= 0;
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
