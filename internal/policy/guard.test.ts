import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import { type Fraction, fraction, fractionOf, ONE } from "../canonical/fraction.ts";
import { bandAround, type GuardRange, guard } from "./guard.ts";
import type { SourceVolumes } from "./reader.ts";

const exactly = (text: string): Fraction => fractionOf(parseDecimal(text));
const venue = (source: string, price: string, size: string): SourceVolumes => ({
  source,
  tradeCount: 1,
  baseVolume: parseDecimal(size),
  quoteVolume: parseDecimal(size).times(price),
});
const rule = (factor: string, confirmations = 2, floor = "1000") => ({
  guardFactor: parseDecimal(factor),
  guardConfirmations: confirmations,
  minUsdVolume: parseDecimal(floor),
});
const texts = (guardRange: GuardRange | null) => {
  const band = guardRange && bandAround(guardRange, parseDecimal("2"));
  return band && [formatDecimal(band.low), formatDecimal(band.high)];
};

describe("the guard", () => {
  it("accepts a value within the factor of the recent price, above and below", () => {
    const withheld = (price: string) => guard(exactly(price), [], exactly("3"), ONE, rule("2")).withheld;
    expect(withheld("6")).toBe(false);
    expect(withheld("6.000000000000000000000000000000000001")).toBe(true);
    expect(withheld("1.5")).toBe(false);
    expect(withheld("1.499999999999999999999999999999999999")).toBe(true);
  });

  it("is off at 0, and withholds nothing without a recent price", () => {
    expect(guard(exactly("100"), [], ONE, ONE, rule("0"))).toEqual({ withheld: false, guardRange: null });
    expect(guard(exactly("100"), [], null, ONE, rule("0"))).toEqual({ withheld: false, guardRange: null });
    expect(guard(exactly("100"), [], null, ONE, rule("2")).withheld).toBe(false);
  });

  it("accepts a value that enough venues confirm, each with the floor's volume at a price within the factor", () => {
    const withheld = (rate: Fraction | null, ...venues: SourceVolumes[]) =>
      guard(exactly("100"), venues, ONE, rate, rule("2")).withheld;
    const confirming = venue("a", "100", "10");
    expect(withheld(ONE, confirming, venue("b", "51", "20"))).toBe(false);
    expect(withheld(ONE, confirming)).toBe(true);
    // One volume is worth 999 USD, and one price is below half of the value.
    expect(withheld(ONE, confirming, venue("b", "99.9", "10"))).toBe(true);
    expect(withheld(ONE, confirming, venue("b", "49.9", "100"))).toBe(true);
    // The quote asset is worth half a dollar, or its value is unknown.
    expect(withheld(fraction(1n, 2n), confirming, venue("b", "100", "20"))).toBe(true);
    expect(withheld(null, confirming, venue("b", "100", "20"))).toBe(true);
  });

  it("requires no volume for confirmation without a floor", () => {
    const venues = [venue("a", "100", "0.001"), venue("b", "100", "0.001")];
    expect(guard(exactly("100"), venues, ONE, null, rule("2", 2, "0")).withheld).toBe(false);
    expect(guard(exactly("100"), venues, ONE, null, rule("2", 3, "0")).withheld).toBe(true);
  });

  it("limits single prices to those near the recent and the confirmed price, or near the value", () => {
    const confirmed = ["a", "b"].map((source) => venue(source, "100", "10"));
    const band = (price: string, ...venues: SourceVolumes[]) =>
      texts(guard(exactly(price), venues, exactly("3"), ONE, rule("2")).guardRange);
    expect(band("4")).toEqual(["1.5", "6"]);
    expect(band("100")).toEqual(["1.5", "6"]);
    expect(band("100", ...confirmed)).toEqual(["1.5", "200"]);
    expect(texts(guard(exactly("100"), confirmed, null, ONE, rule("2")).guardRange)).toEqual(["50", "200"]);
    expect(band("1", ...["a", "b"].map((source) => venue(source, "1", "1000")))).toEqual(["0.5", "6"]);
  });
});
