import { type Decimal, parseDecimal, squareRootBelow, sum, ZERO } from "../canonical/decimal.ts";
import type { PriceBand, PriceStatistics, SourceTotals, SourceVolumes } from "./reader.ts";

/** Below three trades a spread says nothing, so nothing is an outlier. */
const FEWEST_TRADES = 3;
const BAND_DIGITS = 60;

/** n, Σp and Σp² over all sources. */
export function priceStatistics(totals: readonly SourceTotals[]): PriceStatistics {
  return {
    count: totals.reduce((count, { tradeCount }) => count + tradeCount, 0),
    sum: sum(totals.map(({ priceSum }) => priceSum)),
    squareSum: sum(totals.map(({ priceSquareSum }) => priceSquareSum)),
  };
}

/**
 * Whether |p − μ| > k·σ with the population σ, decided with products only: (n·p − Σp)² > k²·(n·Σp² − (Σp)²).
 * Never with k = 0 (off) or fewer than three trades.
 */
export function isOutlier(price: Decimal, statistics: PriceStatistics, sigma: Decimal): boolean {
  if (sigma.isZero() || statistics.count < FEWEST_TRADES) return false;
  const distance = price.times(statistics.count).minus(statistics.sum);
  return distance.times(distance).greaterThan(squaredReach(statistics, sigma));
}

/** k²·(n·Σp² − (Σp)²): the square of how far n·p may lie from Σp. */
export function squaredReach({ count, sum: prices, squareSum }: PriceStatistics, sigma: Decimal): Decimal {
  const spread = squareSum.times(count).minus(prices.times(prices));
  return sigma.times(sigma).times(spread);
}

/**
 * A band that holds no outlier, at most 10⁻⁵⁰ of the prices narrower than μ ± k·σ, for comparisons that are cheap;
 * a price outside it is put to {@link isOutlier}. Null where there is no outlier to look for: the filter is off, there are
 * fewer than three trades, or all prices are equal.
 */
export function outlierBand(statistics: PriceStatistics, sigma: Decimal): PriceBand | null {
  if (sigma.isZero() || statistics.count < FEWEST_TRADES) return null;
  const squared = squaredReach(statistics, sigma);
  if (squared.isZero()) return null;
  const reach = squareRootBelow(squared, BAND_DIGITS);
  const slack = statistics.sum.plus(reach).times(parseDecimal(`1e-${BAND_DIGITS - 10}`));
  const inner = reach.minus(slack);
  return {
    low: statistics.sum.minus(inner).div(statistics.count).toSignificantDigits(BAND_DIGITS),
    high: statistics.sum.plus(inner).div(statistics.count).toSignificantDigits(BAND_DIGITS),
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
