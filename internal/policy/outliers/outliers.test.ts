import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { OutlierRule, SourceTotals } from "../reader.ts";
import { isOutlier, isOutlierFilterActive, madRule, outlierBand, sigmaRule } from "./outliers.ts";

const decimal = parseDecimal;
const goes = (rule: OutlierRule | null, ...prices: string[]) =>
  prices.filter((price) => isOutlier(decimal(price), rule));

describe("the rule by median absolute deviation", () => {
  const rule = madRule({ median: decimal("100"), mad: decimal("0.5") }, decimal("4"));

  it("drops a price further than k·1.4826·MAD from the median, but not one at exactly that distance", () => {
    expect(goes(rule, "97.0348", "97.03479", "102.9652", "102.96521", "100")).toEqual(["97.03479", "102.96521"]);
  });

  it("is decided exactly by its band", () => {
    const band = outlierBand(rule);
    expect([band?.low, band?.high].map((edge) => edge && formatDecimal(edge))).toEqual(["97.0348", "102.9652"]);
  });

  it("uses a thousandth of the median instead of a MAD of 0, so that a pegged pair keeps its honest trades", () => {
    const pegged = madRule({ median: decimal("1"), mad: decimal("0") }, decimal("4"));
    expect(goes(pegged, "0.9941", "0.9999", "1", "1.0001", "1.005", "1.0059304")).toEqual([]);
    expect(goes(pegged, "0.994", "1.0059305", "1.05", "100")).toEqual(["0.994", "1.0059305", "1.05", "100"]);
  });
});

describe("the rule by standard deviation", () => {
  const statistics = { weight: decimal("4"), sum: decimal("8"), squareSum: decimal("24") };

  it("drops a price further than k·σ from the mean", () => {
    // μ = 2 and σ² = 6 − 4 = 2.
    expect(goes(sigmaRule(statistics, decimal("2")), "4.828427", "4.828428", "-0.828427", "-0.828428")).toEqual([
      "4.828428",
      "-0.828428",
    ]);
  });

  it("does not depend on the unit of the weights", () => {
    const quotes = { weight: decimal("0.04"), sum: decimal("0.08"), squareSum: decimal("0.24") };
    expect(goes(sigmaRule(quotes, decimal("2")), "4.828427", "4.828428", "-0.828427", "-0.828428")).toEqual([
      "4.828428",
      "-0.828428",
    ]);
  });

  it("is off at k = 0 and below three trades", () => {
    const venues = (...counts: number[]): SourceTotals[] =>
      counts.map((tradeCount, index) => ({
        source: String(index),
        tradeCount,
        baseVolume: decimal("1"),
        quoteVolume: decimal("1"),
        priceSum: decimal("1"),
        priceSquareSum: decimal("1"),
        priceMin: decimal("1"),
        priceMax: decimal("1"),
      }));
    expect(isOutlierFilterActive(venues(2, 1), decimal("0"))).toBe(false);
    expect(isOutlierFilterActive(venues(1, 1), decimal("1"))).toBe(false);
    expect(isOutlierFilterActive(venues(2, 1), decimal("1"))).toBe(true);
    expect(goes(null, "1000")).toEqual([]);
  });

  it("has no band if all prices are equal", () => {
    const equal = { weight: decimal("3"), sum: decimal("6"), squareSum: decimal("12") };
    expect(outlierBand(sigmaRule(equal, decimal("1")))).toBe(null);
  });
});
