import { describe, expect, it } from "vitest";
import { parseDecimal } from "../canonical/decimal.ts";
import { expectFraction } from "../canonical/fraction.testing.ts";
import { fraction, fractionOf } from "../canonical/fraction.ts";
import type { SourceTotals } from "./reader.ts";
import { buildRegistry } from "./registry.ts";
import { keptVenues } from "./venues.ts";
import { weightedPrice } from "./weighted-price.ts";

/** Returns a venue with two trades at `price`, together `size` base units. */
const venue = (source: string, price: string, size = "1"): SourceTotals => ({
  source,
  tradeCount: 2,
  baseVolume: parseDecimal(size),
  quoteVolume: parseDecimal(size).times(price),
  priceSum: parseDecimal(price).times("2"),
  priceSquareSum: parseDecimal(price).times(price).times("2"),
  priceMin: parseDecimal(price),
  priceMax: parseDecimal(price),
});

describe("the venue rule", () => {
  /** Returns the kept venues, and the order in which prices without outliers were requested for others. */
  const judge = async (
    pct: string,
    venues: readonly SourceTotals[],
    clean: Readonly<Record<string, string>> = {},
    hasVote: (venue: string) => boolean = () => true,
  ) => {
    const asked: string[] = [];
    const near = await keptVenues(
      venues,
      { venueDeviationPct: parseDecimal(pct) },
      async () => hasVote,
      async ({ source, ...totals }) => {
        asked.push(source);
        return fractionOf(parseDecimal(clean[source] ?? totals.priceMin.toFixed()));
      },
    );
    return { kept: venues.map(({ source }) => source).filter((source) => near.has(source)), asked };
  };
  const kept = async (pct: string, ...venues: SourceTotals[]) => (await judge(pct, venues)).kept;

  it("drops a venue further from the median than the limit, whatever its volume", async () => {
    expect(await kept("5", venue("a", "100"), venue("b", "101"), venue("c", "120", "99999"))).toEqual(["a", "b"]);
  });

  it("keeps a venue at exactly the limit", async () => {
    expect(await kept("5", venue("a", "95"), venue("b", "100"), venue("c", "105"))).toEqual(["a", "b", "c"]);
    expect(await kept("5", venue("a", "94.999"), venue("b", "100"), venue("c", "105.001"))).toEqual(["b"]);
  });

  it("uses the mean of the middle two of an even number", async () => {
    // The median is 105.
    expect(await kept("5", venue("a", "90"), venue("b", "100"), venue("c", "110"), venue("d", "111"))).toEqual([
      "b",
      "c",
    ]);
  });

  it("is off at 0, and with two venues", async () => {
    expect(await kept("0", venue("a", "1"), venue("b", "1"), venue("c", "9"))).toEqual(["a", "b", "c"]);
    expect(await kept("5", venue("a", "1"), venue("c", "9"))).toEqual(["a", "c"]);
  });

  it("drops all venues if none is near the median", async () => {
    expect(await kept("5", venue("a", "1"), venue("b", "1"), venue("c", "2"), venue("d", "2"))).toEqual([]);
  });

  it("computes again, without its outliers, only the price of a venue that deviates", async () => {
    const venues = [venue("a", "100"), venue("b", "101"), venue("c", "150")];
    expect(await judge("5", venues, { a: "1", c: "102" })).toEqual({ kept: ["a", "b", "c"], asked: ["c"] });
    expect(await judge("5", venues, { c: "149" })).toEqual({ kept: ["a", "b"], asked: ["c"] });
  });

  it("repeats until every deviating venue has been computed without its outliers", async () => {
    // Without its outlier c's price is 60: the median moves from 100 to 95, and then a deviates from it.
    const venues = [venue("a", "100"), venue("b", "95"), venue("c", "150")];
    expect(await judge("5", venues, { c: "60" })).toEqual({ kept: ["b"], asked: ["c", "a"] });
    expect(await judge("5", venues, { c: "60", a: "96" })).toEqual({ kept: ["a", "b"], asked: ["c", "a"] });
  });
});

describe("the weighted price", () => {
  const price = (maxSourceShare: string, weights: Record<string, number>, ...venues: SourceTotals[]) => {
    const sources = Object.entries(weights).map(([name, weight]) => ({ name, class: "exchange" as const, weight }));
    return weightedPrice(venues, {
      registry: buildRegistry(sources),
      maxSourceShare: parseDecimal(maxSourceShare),
    });
  };

  it("is Σ quote / Σ base if all weights are equal", () => {
    expectFraction(price("0", {}, venue("a", "1", "3"), venue("b", "2", "1")), fraction(5n, 4n));
    expectFraction(price("0", { a: 7, b: 7 }, venue("a", "1", "3"), venue("b", "2", "1")), fraction(5n, 4n));
  });

  it("multiplies each venue's volume by its weight", () => {
    expectFraction(price("0", { a: 50 }, venue("a", "1", "2"), venue("b", "2", "1")), fraction(3n, 2n));
    expectFraction(
      price("0", { a: 1_000_000, b: 1 }, venue("a", "1"), venue("b", "3")),
      fraction(1_000_003n, 1_000_001n),
    );
  });

  it("limits a venue's share of the quote volume to the cap", () => {
    // a has 1/2 of 2 + 2: 2 quote units at 3, beside 1 + 1 quote units at 1.
    const capped = price("0.5", {}, venue("a", "3", "1000"), venue("b", "1"), venue("c", "1"));
    expectFraction(capped, fraction(3n, 2n));
  });

  it("also limits a venue that exceeds the cap after the first one was limited", () => {
    // With 0.4, a and b are both limited to 0.4, and c is the remaining 0.2 of 1 / 0.2 = 5 quote units.
    const capped = price("0.4", {}, venue("a", "2", "1000"), venue("b", "4", "2"), venue("c", "1", "1"));
    expectFraction(capped, fraction(5n * 2n, 2n + 1n + 2n));
  });

  it("gives equal shares if there are too few venues for the cap", () => {
    const same = fraction(2n * 3n, 3n + 1n);
    expectFraction(price("0.5", {}, venue("a", "1", "1000"), venue("b", "3")), same);
    expectFraction(price("0.1", {}, venue("a", "1", "1000"), venue("b", "3")), same);
    expectFraction(price("0.1", {}, venue("a", "7")), fraction(7n, 1n));
  });

  it("does not change shares below the cap", () => {
    const venues = [venue("a", "1", "3"), venue("b", "2", "1"), venue("c", "4", "1")];
    expectFraction(price("1", {}, ...venues), price("0", {}, ...venues));
    expectFraction(price("0.5", {}, ...venues), price("0", {}, ...venues));
  });
});
