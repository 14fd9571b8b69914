import { type Asset, isFiat } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { type Aliases, chiefName, namesOf, type Pegs } from "./aliases.ts";

/** What decides which stored pairs a pair stands for. */
export interface ExpansionRule {
  readonly aliases: Aliases;
  readonly pegs: Pegs;
  readonly stablecoinProxy: boolean;
}

/** The stored pairs of one asset that is pegged to the quote. */
export interface PeggedPairs {
  /** The asset by its chief name. */
  readonly asset: Asset;
  /** The asset's own market against the currency, which tells whether the peg holds. */
  readonly market: Pair;
  readonly pairs: readonly Pair[];
}

/** The stored pairs whose trades count as trades of a pair. */
export interface Expansion {
  /** {names of the base} × {names of the quote}. */
  readonly named: readonly Pair[];
  /** With the stablecoin proxy on and a fiat quote: {names of the base} × {names of what is pegged to the quote}. */
  readonly pegged: readonly PeggedPairs[];
}

/** The stored pairs that a pair stands for, without duplicates; inverted markets are not among them. */
export function expansionOf(pair: Pair, { aliases, pegs, stablecoinProxy }: ExpansionRule): Expansion {
  const bases = namesOf(pair.base, aliases);
  const pairsWith = (quotes: readonly Asset[]): Pair[] =>
    // Trades of an asset against another name of itself say nothing of its price.
    bases.flatMap((base) => quotes.filter((quote) => !bases.includes(quote)).map((quote) => ({ base, quote })));
  const quotes = namesOf(pair.quote, aliases);
  const currency = chiefName(pair.quote, aliases);
  const named = pairsWith(quotes);
  if (!stablecoinProxy || !isFiat(currency)) return { named, pegged: [] };
  const pegged = new Map<Asset, PeggedPairs>();
  for (const [asset, peg] of pegs) {
    const chief = chiefName(asset, aliases);
    if (chiefName(peg, aliases) !== currency || quotes.includes(asset) || bases.includes(asset)) continue;
    const pairs = pairsWith(namesOf(asset, aliases));
    pegged.set(chief, { asset: chief, market: { base: chief, quote: currency }, pairs });
  }
  return { named, pegged: [...pegged.values()] };
}

/** All stored pairs that may count as trades of a pair, whether or not a peg holds. */
export function expandPair(pair: Pair, rule: ExpansionRule): Pair[] {
  const { named, pegged } = expansionOf(pair, rule);
  return [...named, ...pegged.flatMap(({ pairs }) => pairs)];
}
