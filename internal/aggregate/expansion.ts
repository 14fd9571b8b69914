import { isFiat } from "../canonical/asset.ts";
import type { Pair } from "../canonical/pair.ts";
import { chiefName, namesOf } from "./aliases.ts";
import type { Policy } from "./policy.ts";

/**
 * The stored pairs whose trades count as trades of `pair`: {names of the base} × ({names of the quote} and, with the
 * stablecoin proxy on and a fiat quote, what is pegged to it and its names). Without duplicates; inverted markets are
 * not among them.
 */
export function expandPair(pair: Pair, { aliases, pegs, stablecoinProxy }: Policy): Pair[] {
  const bases = namesOf(pair.base, aliases);
  const quotes = new Set(namesOf(pair.quote, aliases));
  const meant = chiefName(pair.quote, aliases);
  if (stablecoinProxy && isFiat(meant)) {
    for (const [asset, currency] of pegs) {
      if (chiefName(currency, aliases) === meant) for (const name of namesOf(asset, aliases)) quotes.add(name);
    }
  }
  // Trades of an asset against another name of itself say nothing of its price.
  for (const base of bases) quotes.delete(base);
  return bases.flatMap((base) => [...quotes].map((quote) => ({ base, quote })));
}
