import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import { isOutlier, madRule, outlierBand, sigmaRule } from "./outliers.ts";
import type { OutlierRule } from "./reader.ts";

const decimal = parseDecimal;
const goes = (rule: OutlierRule | null, ...prices: string[]) =>
  prices.filter((price) => isOutlier(decimal(price), rule));

describe("the rule by median absolute deviation", () => {
  const rule = madRule({ median: decimal("100"), mad: decimal("0.5") }, decimal("4"));

  it("lets a price go that lies further than k·1.4826·MAD from the median, and not one at just that distance", () => {
    expect(goes(rule, "97.0348", "97.03479", "102.9652", "102.96521", "100")).toEqual(["97.03479", "102.96521"]);
  });

  it("has a band that decides by itself", () => {
    const band = outlierBand(rule);
    expect([band?.low, band?.high].map((edge) => edge && formatDecimal(edge))).toEqual(["97.0348", "102.9652"]);
  });

  it("takes a thousandth of the median for a MAD of 0, so that a pegged pair keeps its honest prints", () => {
    const pegged = madRule({ median: decimal("1"), mad: decimal("0") }, decimal("4"));
    expect(goes(pegged, "0.9941", "0.9999", "1", "1.0001", "1.005", "1.0059304")).toEqual([]);
    expect(goes(pegged, "0.994", "1.0059305", "1.05", "100")).toEqual(["0.994", "1.0059305", "1.05", "100"]);
  });
});

describe("the rule by standard deviation", () => {
  const statistics = { weight: decimal("4"), sum: decimal("8"), squareSum: decimal("24") };

  it("lets a price go that lies further than k·σ from the mean", () => {
    // μ = 2 and σ² = 6 − 4 = 2.
    expect(goes(sigmaRule(statistics, 4, decimal("2")), "4.828427", "4.828428", "-0.828427", "-0.828428")).toEqual([
      "4.828428",
      "-0.828428",
    ]);
  });

  it("goes by the weights that the statistics are of, in any unit", () => {
    // Prices of 1 and 3 that weigh 9 and 1: μ = 1.2 and σ² = 1.8 − 1.44 = 0.6².
    for (const unit of ["1", "0.0000001", "3e20"].map(decimal)) {
      const weighted = { weight: unit.times(10), sum: unit.times(12), squareSum: unit.times(18) };
      expect(goes(sigmaRule(weighted, 2000, decimal("3")), "2.9999999", "3", "3.0000001")).toEqual(["3.0000001"]);
      const band = outlierBand(sigmaRule(weighted, 2000, decimal("3")) as OutlierRule);
      expect([band?.low, band?.high].map((edge) => edge?.toFixed(20))).toEqual([
        "-0.60000000000000000000",
        "3.00000000000000000000",
      ]);
    }
  });

  it("is off at k = 0 and below three trades", () => {
    expect(sigmaRule(statistics, 4, decimal("0"))).toBe(null);
    expect(sigmaRule(statistics, 2, decimal("1"))).toBe(null);
    expect(goes(null, "1000")).toEqual([]);
  });

  it("has no band where all prices are equal", () => {
    const rule = sigmaRule({ weight: decimal("3"), sum: decimal("6"), squareSum: decimal("12") }, 3, decimal("1"));
    expect(rule && outlierBand(rule)).toBe(null);
  });
});
