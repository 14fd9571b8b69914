import { type Decimal, divideSignificant, parseDecimal, squareRootBelow, sum, ZERO } from "../../canonical/decimal.ts";
import {
  countOf,
  type OutlierRule,
  type PriceBand,
  type PriceMedians,
  type PriceStatistics,
  type SourceTotals,
  type SourceVolumes,
} from "../reader.ts";

/** With fewer than three trades the spread is meaningless, so that no trade is an outlier. */
export const MIN_TRADES = 3;
const BAND_DIGITS = 60;
const BAND_SLACK = parseDecimal(`1e-${BAND_DIGITS - 10}`);
const NORMAL_SPREAD = parseDecimal("1.4826");
const PEGGED_SPREAD = parseDecimal("0.001");

/** Returns n, Σp and Σp² over all sources. */
export function priceStatistics(totals: readonly SourceTotals[]): PriceStatistics {
  return {
    weight: parseDecimal(String(countOf(totals))),
    sum: sum(totals.map(({ priceSum }) => priceSum)),
    squareSum: sum(totals.map(({ priceSquareSum }) => priceSquareSum)),
  };
}

/** Returns whether the filter applies: it is on, and there are at least three trades. */
export function isOutlierFilterActive(totals: readonly Pick<SourceTotals, "tradeCount">[], k: Decimal): boolean {
  return !k.isZero() && countOf(totals) >= MIN_TRADES;
}

/**
 * Returns the rule |p − μ| > k·σ with the population σ; the statistics decide whether trades are weighted by volume.
 */
export function sigmaRule(statistics: PriceStatistics, k: Decimal): OutlierRule {
  return { method: "sigma", statistics, k };
}

/**
 * Returns the rule |p − median| > k·1.4826·MAD, where MAD is the median of |p − median| and 1.4826·MAD estimates σ of a
 * normal distribution (Rousseeuw and Croux, 1993). A MAD of 0 means that more than half of the prices are equal, as for
 * a pegged pair; then 0.1 % of the median is used instead, so that correct prices next to the peg are kept.
 */
export function madRule({ median, mad }: PriceMedians, k: Decimal): OutlierRule {
  const spread = mad.isZero() ? median.times(PEGGED_SPREAD) : mad;
  return { method: "mad", median, reach: spread.times(k).times(NORMAL_SPREAD) };
}

/** Returns whether a price is an outlier, decided exactly (without division). Without a rule no price is. */
export function isOutlier(price: Decimal, rule: OutlierRule | null): boolean {
  return outlierTest(rule)(price);
}

/** {@link isOutlier} for many prices; it prepares the rule once. */
export function outlierTest(rule: OutlierRule | null): (price: Decimal) => boolean {
  if (rule === null) return () => false;
  if (rule.method === "mad") return (price) => price.minus(rule.median).abs().greaterThan(rule.reach);
  const { statistics, k } = rule;
  const reach = squaredReach(statistics, k);
  return (price) => {
    const distance = price.times(statistics.weight).minus(statistics.sum);
    return distance.times(distance).greaterThan(reach);
  };
}

/** Returns k²·(n·Σp² − (Σp)²), the square of the maximum distance of n·p from Σp; n is the weight of the statistics. */
export function squaredReach({ weight, sum: prices, squareSum }: PriceStatistics, k: Decimal): Decimal {
  const spread = squareSum.times(weight).minus(prices.times(prices));
  return k.times(k).times(spread);
}

/**
 * Returns a band that contains no outlier, for cheap comparisons; prices outside it need {@link isOutlier}. With the
 * sigma rule it is narrower than μ ± k·σ by at most 10⁻⁵⁰ of the prices. Null where all prices are equal, so that none
 * is an outlier.
 */
export function outlierBand(rule: OutlierRule): PriceBand | null {
  if (rule.method === "mad") return { low: rule.median.minus(rule.reach), high: rule.median.plus(rule.reach) };
  const { statistics, k } = rule;
  const squared = squaredReach(statistics, k);
  if (squared.isZero()) return null;
  const reach = squareRootBelow(squared, BAND_DIGITS);
  const slack = statistics.sum.plus(reach).times(BAND_SLACK);
  const inner = reach.minus(slack);
  return {
    low: divideSignificant(statistics.sum.minus(inner), statistics.weight, BAND_DIGITS),
    high: divideSignificant(statistics.sum.plus(inner), statistics.weight, BAND_DIGITS),
  };
}

/** Returns whether any trade may be outside the band. */
export function hasPriceOutside(totals: readonly SourceTotals[], { low, high }: PriceBand): boolean {
  return totals.some(({ priceMin, priceMax }) => priceMin.lessThan(low) || priceMax.greaterThan(high));
}

/** Subtracts the outliers from the sources' volumes; sources without remaining trades are omitted. */
export function withoutOutliers(totals: readonly SourceVolumes[], outliers: readonly SourceVolumes[]): SourceVolumes[] {
  const bySource = new Map(outliers.map((volumes) => [volumes.source, volumes]));
  return totals
    .map(({ source, tradeCount, baseVolume, quoteVolume }) => {
      const outlier = bySource.get(source);
      return {
        source,
        tradeCount: tradeCount - (outlier?.tradeCount ?? 0),
        baseVolume: baseVolume.minus(outlier?.baseVolume ?? ZERO),
        quoteVolume: quoteVolume.minus(outlier?.quoteVolume ?? ZERO),
      };
    })
    .filter(({ tradeCount }) => tradeCount > 0);
}
