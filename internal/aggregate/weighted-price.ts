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
import { DEFAULT_WEIGHT } from "../sources/registry.ts";
import type { Policy } from "./policy.ts";
import type { SourceVolumes } from "./reader.ts";

/** What a venue puts into a price: its volumes times its weight. */
interface Part {
  readonly base: Fraction;
  readonly quote: Fraction;
}

/**
 * Σ weight·quote / Σ weight·base over the venues, at least one, in quote units per base unit and not rounded. With
 * `maxSourceShare`, the weight of a venue that makes more than this part of Σ weight·quote is cut until it makes just as
 * much; where the venues are too few for that, each makes the same part.
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

/** Cuts the parts that make more than `cap` of the whole down to it, keeping the price of each. */
function capParts(parts: readonly Part[], cap: Fraction): Part[] {
  const room = times(cap, fraction(BigInt(parts.length), 1n));
  if (compareFractions(room, ONE) <= 0) return parts.map((part) => sizedTo(part, ONE));
  let free = parts;
  for (;;) {
    // The capped ones make `cap` of the whole each, the free ones the rest of it.
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
