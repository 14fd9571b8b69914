import type { Asset } from "../canonical/asset.ts";
import type { Decimal } from "../canonical/decimal.ts";
import { compareFractions, type Fraction, fractionOf, ratioOf } from "../canonical/fraction.ts";
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

/** The USD value of a quote volume at a rate, exactly; null: 1:1. */
export function usdVolumeOf(quoteVolume: Decimal, rate: FxQuote | null): Fraction {
  if (rate === null) return fractionOf(quoteVolume);
  return rate.inverse ? ratioOf(quoteVolume, rate.price) : fractionOf(quoteVolume.times(rate.price));
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
