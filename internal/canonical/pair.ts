import { type Asset, parseAsset } from "./asset.ts";
import { InputError } from "./input-error.ts";

/** A market: prices are in units of `quote` for one unit of `base`. */
export interface Pair {
  readonly base: Asset;
  readonly quote: Asset;
}

/**
 * Reads `base/quote`, canonical or as people write it (`XLM/USD`).
 * @throws InputError where either side is no asset, or both are the same
 */
export function parsePair(text: string): Pair {
  const sides = text.split("/");
  if (sides.length !== 2) {
    throw new InputError(`pair ${JSON.stringify(text.slice(0, 160))} is not base/quote, such as crypto:XLM/fiat:USD`);
  }
  return makePair(sides[0] ?? "", sides[1] ?? "");
}

/** The pair of two assets as text; see {@link parsePair}. */
export function makePair(base: string, quote: string): Pair {
  const pair = { base: parseAsset(base), quote: parseAsset(quote) };
  if (pair.base === pair.quote) throw new InputError(`pair ${formatPair(pair)} has one asset on both sides`);
  return pair;
}

export function formatPair(pair: Pair): string {
  return `${pair.base}/${pair.quote}`;
}
