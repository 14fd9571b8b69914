import { type Asset, parseAsset } from "./asset.ts";
import { InputError } from "./input-error.ts";
import { parseTypedAsset, type Spellings } from "./known-assets.ts";

/** A market: prices are in units of `quote` for one unit of `base`. */
export interface Pair {
  readonly base: Asset;
  readonly quote: Asset;
}

/**
 * Parses `base/quote` in canonical or short form (`XLM/USD`).
 * @throws InputError where either side is not an asset, or both are the same
 */
export function parsePair(text: string): Pair {
  return pairOf(...splitPair(text), parseAsset);
}

/** Makes a pair from the texts of two assets; see {@link parsePair}. */
export function makePair(base: string, quote: string): Pair {
  return pairOf(base, quote, parseAsset);
}

/** {@link parsePair} for user input; see {@link parseTypedAsset}. */
export function parseTypedPair(text: string, further?: Spellings): Pair {
  return pairOf(...splitPair(text), (asset) => parseTypedAsset(asset, further));
}

/** {@link makePair} for user input; see {@link parseTypedAsset}. */
export function makeTypedPair(base: string, quote: string, further?: Spellings): Pair {
  return pairOf(base, quote, (asset) => parseTypedAsset(asset, further));
}

/**
 * Parses a pair that selects stored rows. The canonical form is accepted unchecked, so that rows under a misspelt code
 * can be found and deleted; short forms are parsed with {@link parseTypedPair}.
 */
export function parseStoredPair(text: string): Pair {
  const pair = parsePair(text);
  return formatPair(pair) === text ? pair : parseTypedPair(text);
}

export function formatPair(pair: Pair): string {
  return `${pair.base}/${pair.quote}`;
}

function splitPair(text: string): [base: string, quote: string] {
  const [base, quote, ...more] = text.split("/");
  if (base === undefined || quote === undefined || more.length > 0) {
    throw new InputError(`pair ${JSON.stringify(text.slice(0, 160))} is not base/quote, such as crypto:XLM/fiat:USD`);
  }
  return [base, quote];
}

function pairOf(baseText: string, quoteText: string, read: (text: string) => Asset): Pair {
  const pair = { base: read(baseText), quote: read(quoteText) };
  if (pair.base === pair.quote) throw new InputError(`pair ${formatPair(pair)} has one asset on both sides`);
  return pair;
}
