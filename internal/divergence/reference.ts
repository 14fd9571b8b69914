import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import { HttpError } from "../http/http-error.ts";
import { InvalidJson } from "../lib/exact-json.ts";

/** An external price, in quote units per base unit. */
export interface ReferenceQuote {
  readonly price: Decimal;
  /** The price's timestamp according to the reference. */
  readonly asOf: Micros;
}

/**
 * Why there is no quote. `unreadable`: the response is not a valid price; `unreachable`: no response, or an HTTP error;
 * `unknown`: the reference has no price of the pair.
 */
export type ReferenceFailure = "unreadable" | "unreachable" | "unknown";

/** A reference's result for one pair. The reason contains no secret. */
export type ReferenceAnswer = { readonly pair: Pair } & (
  | { readonly quote: ReferenceQuote }
  | { readonly failure: ReferenceFailure; readonly reason: string }
);

/** An external source of prices. */
export interface Reference {
  readonly name: string;
  /** Returns whether the reference is configured for the pair. */
  readonly covers: (pair: Pair) => boolean;
  /**
   * Queries all pairs in one batch; pairs that are not covered are `unknown`. Resolves to one result per pair, in
   * order, and never rejects. When the signal aborts, it resolves early with `unreachable` for the pairs that are still
   * open.
   */
  readonly fetchQuotes: (pairs: readonly Pair[], signal: AbortSignal) => Promise<ReferenceAnswer[]>;
}

/** There is no quote. The message contains no secret. */
export class NoQuote extends Error {
  override readonly name = "NoQuote";
  readonly failure: ReferenceFailure;

  constructor(failure: ReferenceFailure, reason: string) {
    super(reason);
    this.failure = failure;
  }
}

/**
 * Returns the quote that `read` gives, or its failure: NoQuote, HttpError or InvalidJson. Other errors are thrown.
 */
export async function quoteOrFailure(pair: Pair, read: () => Promise<ReferenceQuote>): Promise<ReferenceAnswer> {
  try {
    return { pair, quote: await read() };
  } catch (error) {
    if (error instanceof NoQuote) return { pair, failure: error.failure, reason: error.message };
    if (error instanceof HttpError) {
      const failure = error.kind === "too-large" ? "unreadable" : "unreachable";
      return { pair, failure, reason: error.message };
    }
    if (error instanceof InvalidJson) return { pair, failure: "unreadable", reason: error.message };
    throw error;
  }
}

const MIN_PRICE = parseDecimal("1e-30");
const MAX_PRICE = parseDecimal("1e40");
const END_OF_YEAR_9999 = 253_402_300_799n;

/**
 * Returns the price unchanged.
 * @throws NoQuote where it is not between 1e-30 and 1e40
 */
export function checkPrice(price: Decimal): Decimal {
  if (price.lt(MIN_PRICE) || price.gt(MAX_PRICE)) {
    throw new NoQuote("unreadable", `the price ${price.toPrecision(6)} is not between 1e-30 and 1e40`);
  }
  return price;
}

/**
 * Converts a timestamp in seconds since 1970.
 * @throws NoQuote where it is not positive or after the year 9999
 */
export function readSeconds(count: bigint): Micros {
  if (count <= 0n || count > END_OF_YEAR_9999) throw new NoQuote("unreadable", "the price's timestamp is out of range");
  return seconds(Number(count));
}
