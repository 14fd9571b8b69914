import { type Decimal, sum } from "../canonical/decimal.ts";
import {
  compareFractions,
  type Fraction,
  fraction,
  fractionOf,
  minus,
  ONE,
  over,
  plus,
  ratioOf,
  times,
} from "../canonical/fraction.ts";
import type { Policy } from "./policy.ts";
import type { SourceVolumes } from "./reader.ts";
import { DEFAULT_WEIGHT } from "./registry.ts";

/** A venue's contribution to a price: its volumes times its weight. */
interface Part {
  readonly base: Fraction;
  readonly quote: Fraction;
}

/**
 * Returns the unrounded Σ weight·quote / Σ weight·base over one or more venues, in quote units per base unit. With
 * `maxSourceShare`, the weight of a venue above this share of Σ weight·quote is reduced until its share equals the cap;
 * with too few venues for the cap, all have the same share.
 */
export function weightedPrice(
  venues: readonly SourceVolumes[],
  { registry, maxSourceShare }: Pick<Policy, "registry" | "maxSourceShare">,
): Fraction {
  const weighted = venues.map(({ source, baseVolume, quoteVolume }) => {
    const weight = registry.get(source)?.weight ?? DEFAULT_WEIGHT;
    return { base: baseVolume.times(weight), quote: quoteVolume.times(weight) };
  });
  if (maxSourceShare.isZero())
    return ratioOf(sum(weighted.map(({ quote }) => quote)), sum(weighted.map(({ base }) => base)));
  const parts = capParts(weighted.map(exactly), fractionOf(maxSourceShare));
  return over(total(parts.map(({ quote }) => quote)), total(parts.map(({ base }) => base)));
}

/** Scales contributions above the share `cap` of the total down to it, keeping the price of each. */
function capParts(parts: readonly Part[], cap: Fraction): Part[] {
  const room = times(cap, fraction(BigInt(parts.length), 1n));
  if (compareFractions(room, ONE) <= 0) return parts.map((part) => sizedTo(part, ONE));
  let free = parts;
  for (;;) {
    // Each capped part has the share `cap`; the uncapped parts share the rest.
    const rest = minus(ONE, times(cap, fraction(BigInt(parts.length - free.length), 1n)));
    const most = times(cap, over(total(free.map(({ quote }) => quote)), rest));
    const within = free.filter(({ quote }) => compareFractions(quote, most) <= 0);
    if (within.length === free.length) return parts.map((part) => (free.includes(part) ? part : sizedTo(part, most)));
    free = within;
  }
}

function sizedTo({ base, quote }: Part, size: Fraction): Part {
  return { base: times(base, over(size, quote)), quote: size };
}

function exactly({ base, quote }: { readonly base: Decimal; readonly quote: Decimal }): Part {
  return { base: fractionOf(base), quote: fractionOf(quote) };
}

function total(values: readonly Fraction[]): Fraction {
  return values.reduce(plus);
}
