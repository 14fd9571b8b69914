import type { Asset } from "./asset.ts";
import type { Pair } from "./pair.ts";

/** What markets on Stellar's ledger are quoted in, most preferred first. */
const QUOTES: readonly string[] = [
  "USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
  "EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2",
  "native",
];

/**
 * Returns the orientation in which trades between two assets of Stellar's ledger are stored, whichever of them was
 * sold: the ledger has none of its own. Circle's USDC is the quote, else Circle's EURC, else XLM, else the asset whose
 * canonical text comes later, bytewise.
 */
export function stellarMarket(one: Asset, other: Asset): Pair {
  const [oneRank, otherRank] = [rankOf(one), rankOf(other)];
  const isOneQuote = oneRank === otherRank ? one > other : oneRank < otherRank;
  return isOneQuote ? { base: other, quote: one } : { base: one, quote: other };
}

function rankOf(asset: Asset): number {
  const place = QUOTES.indexOf(asset);
  return place < 0 ? QUOTES.length : place;
}
