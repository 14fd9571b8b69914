import { type Asset, isFiat } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { type Aliases, namesOf, type Pegs, primaryName } from "./aliases.ts";

/** The part of the policy that decides which stored pairs count for a pair. */
export interface ExpansionRule {
  readonly aliases: Aliases;
  readonly pegs: Pegs;
  readonly stablecoinProxy: boolean;
}

/** The stored pairs of one asset that is pegged to the quote. */
export interface PeggedPairs {
  /** The asset's primary name. */
  readonly asset: Asset;
  /** The asset's own market against the currency; its price shows whether the peg holds. */
  readonly market: Pair;
  readonly pairs: readonly Pair[];
}

/** The stored pairs whose trades count as trades of a pair. */
export interface Expansion {
  /** {names of the base} × {names of the quote}. */
  readonly named: readonly Pair[];
  /** With the stablecoin proxy on and a fiat quote: {names of the base} × {names of the assets pegged to the quote}. */
  readonly pegged: readonly PeggedPairs[];
}

/** Returns the stored pairs that count for a pair, without duplicates and without inverted markets. */
export function expansionOf(pair: Pair, { aliases, pegs, stablecoinProxy }: ExpansionRule): Expansion {
  const bases = namesOf(pair.base, aliases);
  const pairsWith = (quotes: readonly Asset[]): Pair[] =>
    // Trades between two names of the same asset carry no price.
    bases.flatMap((base) => quotes.filter((quote) => !bases.includes(quote)).map((quote) => ({ base, quote })));
  const quotes = namesOf(pair.quote, aliases);
  const currency = primaryName(pair.quote, aliases);
  const named = pairsWith(quotes);
  if (!stablecoinProxy || !isFiat(currency)) return { named, pegged: [] };
  const pegged = new Map<Asset, PeggedPairs>();
  for (const [asset, peg] of pegs) {
    const primary = primaryName(asset, aliases);
    if (primaryName(peg, aliases) !== currency || quotes.includes(asset) || bases.includes(asset)) continue;
    const pairs = pairsWith(namesOf(asset, aliases));
    pegged.set(primary, { asset: primary, market: { base: primary, quote: currency }, pairs });
  }
  return { named, pegged: [...pegged.values()] };
}

/** Returns all stored pairs that may count for a pair, whether or not the pegs hold. */
export function expandPair(pair: Pair, rule: ExpansionRule): Pair[] {
  const { named, pegged } = expansionOf(pair, rule);
  return [...named, ...pegged.flatMap(({ pairs }) => pairs)];
}
