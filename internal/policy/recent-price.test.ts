import { describe, expect, it } from "vitest";
import { parseDecimal } from "../canonical/decimal.ts";
import { expectFraction } from "../canonical/fraction.testing.ts";
import { type Fraction, fraction } from "../canonical/fraction.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "./policy.ts";
import type { Block } from "./reader.ts";
import { recentPrice } from "./recent-price.ts";

/** Returns a block of venues, each with a price and a base volume. */
const block = (...venues: readonly (readonly [string, string])[]): Block => ({
  from: 0n,
  sources: venues.map(([price, size], index) => ({
    source: `venue-${index}`,
    base: [size],
    quote: [parseDecimal(size).times(price).toFixed()],
  })),
});
const at = (price: string) => block([price, "1"]);

describe("the recent price", () => {
  const policy = makePolicy(DEFAULT_POLICY_SETTINGS);
  const of = (hours: readonly Block[], minutes: readonly Block[] = []): Fraction =>
    recentPrice({ hours, minutes }, policy) ?? fraction(-1n, 1n);

  it("is the median of the hours, or of the minutes that replace them", () => {
    expectFraction(of([at("9"), at("1"), at("2")]), fraction(2n, 1n));
    expectFraction(of([], [at("7"), at("8"), at("9")]), fraction(8n, 1n));
  });

  it("ignores the newest of an even number", () => {
    expectFraction(of([at("9"), at("1")]), fraction(1n, 1n));
    expectFraction(of([at("9"), at("3"), at("2"), at("1")]), fraction(2n, 1n));
  });

  it("distinguishes prices that are equal as floats", () => {
    const prices = ["0.3000000000000000000001", "0.3", "0.2999999999999999999999"];
    expectFraction(of(prices.map(at)), fraction(3n, 10n));
    expectFraction(of([prices[1], prices[0], prices[2]].map((price) => at(price as string))), fraction(3n, 10n));
  });

  it("is unknown without trades", () => {
    expect(recentPrice({ hours: [], minutes: [] }, policy)).toBe(null);
  });

  it("uses Σ quote / Σ base of a block, without a venue that is far from the others", () => {
    expectFraction(of([block(["1", "3"], ["2", "1"])]), fraction(5n, 4n));
    expectFraction(of([block(["1", "1"], ["1.05", "1"], ["9", "1000"])]), fraction(41n, 40n));
  });

  it("ignores a block whose price is far from those of all its venues", () => {
    const apart = block(["1", "1"], ["1", "1"], ["2", "1"], ["2", "1"]);
    const swapped = block(["100", "1"], ["0.01", "100"]);
    for (const odd of [apart, swapped]) {
      expectFraction(of([odd, at("7")]), fraction(7n, 1n));
      expect(recentPrice({ hours: [odd], minutes: [] }, policy)).toBe(null);
    }
    // A price twice that of one of two venues still counts as traded.
    expectFraction(of([block(["1", "1"], ["3", "1"])]), fraction(2n, 1n));
  });
});
