import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { type Micros, seconds } from "../canonical/time.ts";

/** A price from outside, in quote units per base unit. */
export interface ReferenceQuote {
  readonly price: Decimal;
  /** When the reference says the price is of; microseconds. */
  readonly asOf: Micros;
}

/**
 * Why there is no quote. `unreadable`: it answered with something that is no price; `unreachable`: it did not answer, or
 * only that it will not; `unknown`: it has no price of the pair.
 */
export type ReferenceFailure = "unreadable" | "unreachable" | "unknown";

/** What one reference said of one pair. The reason is safe to show and to log. */
export type ReferenceAnswer = { readonly pair: Pair } & (
  | { readonly quote: ReferenceQuote }
  | { readonly failure: ReferenceFailure; readonly reason: string }
);

/** Somebody else's prices. */
export interface Reference {
  readonly name: string;
  /** Whether the reference can be asked about the pair at all. */
  readonly covers: (pair: Pair) => boolean;
  /**
   * One batched question about all pairs; those not covered are `unknown`. Never rejects, one answer per pair in their
   * order. Ends early, what is open being `unreachable`, when the signal aborts.
   */
  readonly ask: (pairs: readonly Pair[], signal: AbortSignal) => Promise<ReferenceAnswer[]>;
}

/** There is no quote. The message holds no secret. */
export class NoQuote extends Error {
  override readonly name = "NoQuote";
  readonly failure: ReferenceFailure;

  constructor(failure: ReferenceFailure, reason: string) {
    super(reason);
    this.failure = failure;
  }
}

/** The answer about the pair that `read` finds, or the {@link NoQuote} that it throws. */
export async function answerWith(pair: Pair, read: () => Promise<ReferenceQuote>): Promise<ReferenceAnswer> {
  try {
    return { pair, quote: await read() };
  } catch (error) {
    if (!(error instanceof NoQuote)) throw error;
    return { pair, failure: error.failure, reason: error.message };
  }
}

const LEAST_PRICE = parseDecimal("1e-30");
const GREATEST_PRICE = parseDecimal("1e40");
const END_OF_YEAR_9999 = 253_402_300_799n;

/**
 * The price, where it can be one.
 * @throws NoQuote where it is zero, negative or absurd
 */
export function checkPrice(price: Decimal): Decimal {
  if (price.lt(LEAST_PRICE) || price.gt(GREATEST_PRICE)) {
    throw new NoQuote("unreadable", `the price ${price.toPrecision(6)} is not between 1e-30 and 1e40`);
  }
  return price;
}

/**
 * A moment given in seconds since 1970.
 * @throws NoQuote where it is zero, or too far off for a date
 */
export function readSeconds(count: bigint): Micros {
  if (count <= 0n || count > END_OF_YEAR_9999) throw new NoQuote("unreadable", "the time of the price is no time");
  return seconds(Number(count));
}
