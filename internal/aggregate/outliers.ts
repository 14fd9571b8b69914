import { type Decimal, divideSignificant, parseDecimal, squareRootBelow, sum, ZERO } from "../canonical/decimal.ts";
import {
  countOf,
  type OutlierRule,
  type PriceBand,
  type PriceMedians,
  type PriceStatistics,
  type SourceTotals,
  type SourceVolumes,
} from "./reader.ts";

/** Below three trades a spread says nothing, so nothing is an outlier. */
export const FEWEST_TRADES = 3;
const BAND_DIGITS = 60;
const BAND_SLACK = parseDecimal(`1e-${BAND_DIGITS - 10}`);
const NORMAL_SPREAD = parseDecimal("1.4826");
const PEGGED_SPREAD = parseDecimal("0.001");

/** n, Σp and Σp² over all sources. */
export function priceStatistics(totals: readonly SourceTotals[]): PriceStatistics {
  return {
    weight: parseDecimal(String(countOf(totals))),
    sum: sum(totals.map(({ priceSum }) => priceSum)),
    squareSum: sum(totals.map(({ priceSquareSum }) => priceSquareSum)),
  };
}

/** Whether the filter judges these trades: it does not where it is off or they are fewer than three. */
export function judgesOutliers(totals: readonly Pick<SourceTotals, "tradeCount">[], k: Decimal): boolean {
  return !k.isZero() && countOf(totals) >= FEWEST_TRADES;
}

/** |p − μ| > k·σ with the population σ; mean and σ are by count or by quote volume, as the statistics are. */
export function sigmaRule(statistics: PriceStatistics, k: Decimal): OutlierRule {
  return { method: "sigma", statistics, k };
}

/**
 * |p − median| > k·1.4826·MAD, where MAD is the median of |p − median| and 1.4826·MAD estimates σ of a normal
 * distribution (Rousseeuw and Croux, 1993). A MAD of 0 says that more than half of the prices are equal, as those of a
 * pegged pair are: then 0.1 % of the median stands for it, so that honest prints beside the peg are kept.
 */
export function madRule({ median, mad }: PriceMedians, k: Decimal): OutlierRule {
  const spread = mad.isZero() ? median.times(PEGGED_SPREAD) : mad;
  return { method: "mad", median, reach: spread.times(k).times(NORMAL_SPREAD) };
}

/** Whether a trade at this price is an outlier, decided exactly, with products only. Without a rule none is. */
export function isOutlier(price: Decimal, rule: OutlierRule | null): boolean {
  return outlierTest(rule)(price);
}

/** {@link isOutlier} for many prices under one rule. */
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

/** k²·(n·Σp² − (Σp)²): the square of how far n·p may lie from Σp; n is the weight of the statistics. */
export function squaredReach({ weight, sum: prices, squareSum }: PriceStatistics, k: Decimal): Decimal {
  const spread = squareSum.times(weight).minus(prices.times(prices));
  return k.times(k).times(spread);
}

/**
 * A band that holds no outlier, for comparisons that are cheap; a price outside it is put to {@link isOutlier}. By sigma
 * it is at most 10⁻⁵⁰ of the prices narrower than μ ± k·σ. Null where all prices are equal and none can be an outlier.
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

/** Whether any trade lies outside the band. */
export function reachesOutside(totals: readonly SourceTotals[], { low, high }: PriceBand): boolean {
  return totals.some(({ priceMin, priceMax }) => priceMin.lessThan(low) || priceMax.greaterThan(high));
}

/** What is left of the sources' volumes without the outliers; a source with nothing left is left out. */
export function withoutOutliers(totals: readonly SourceVolumes[], outliers: readonly SourceVolumes[]): SourceVolumes[] {
  const bySource = new Map(outliers.map((volumes) => [volumes.source, volumes]));
  return totals
    .map(({ source, tradeCount, baseVolume, quoteVolume }) => {
      const gone = bySource.get(source);
      return {
        source,
        tradeCount: tradeCount - (gone?.tradeCount ?? 0),
        baseVolume: baseVolume.minus(gone?.baseVolume ?? ZERO),
        quoteVolume: quoteVolume.minus(gone?.quoteVolume ?? ZERO),
      };
    })
    .filter(({ tradeCount }) => tradeCount > 0);
}
