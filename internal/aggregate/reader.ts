import type { Asset } from "../canonical/asset.ts";
import type { Bucket } from "../canonical/bucket.ts";
import type { Decimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";

/** Sums over the trades of one source. Prices are the trades' own: quote/base cut at 30 decimals. */
export interface SourceTotals {
  readonly source: string;
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
  readonly priceMin: Decimal;
  readonly priceMax: Decimal;
}

/** What of a source counts towards a value: trades and their volumes. */
export type SourceVolumes = Pick<SourceTotals, "source" | "tradeCount" | "baseVolume" | "quoteVolume">;

/** A trade as the outlier filter looks at it. */
export interface PricedTrade {
  readonly pair: Pair;
  readonly ts: Micros;
  readonly source: string;
  readonly tradeId: string;
  readonly price: Decimal;
  readonly baseAmount: Decimal;
  readonly quoteAmount: Decimal;
}

/** Prices outside [low, high] may be outliers, the ones inside are none. */
export interface PriceBand {
  readonly low: Decimal;
  readonly high: Decimal;
}

/** How the prices of a window lie, exactly: n, Σp and Σp². */
export interface PriceStatistics {
  readonly count: number;
  readonly sum: Decimal;
  readonly squareSum: Decimal;
}

/** A rate to USD; `inverse` where the quote is of USD in the currency, so that one divides by the price. */
export interface FxQuote {
  readonly price: Decimal;
  readonly inverse: boolean;
}

/** Σ price·Δt and Σ Δt (microseconds) of a bucket's trades. */
export interface TimeWeightedSums {
  readonly weightedSum: Decimal;
  readonly duration: Micros;
  readonly tradeCount: number;
}

/** A trade's price where it stands alone: the last one of a market. */
export interface LastTrade {
  readonly ts: Micros;
  readonly source: string;
  readonly price: Decimal;
}

/** What the outlier filter asks for: trades of these sources with prices outside the band, decided by `k`. */
export interface OutlierQuestion {
  readonly sources: readonly string[];
  readonly band: PriceBand;
  readonly statistics: PriceStatistics;
  /** k of |p − μ| > k·σ. */
  readonly sigma: Decimal;
}

/**
 * What a computation reads. All answers of one reader come from one snapshot of the trades.
 * Every answer counts every trade of the bucket; a question that needs rows retention has removed is refused.
 */
export interface TradeReader {
  /** Sums per source, in bytewise order of the sources; sources without trades are left out. */
  totals(pairs: readonly Pair[], bucket: Bucket): Promise<SourceTotals[]>;
  /** The trades outside the band, at most `limit` of them; null where there are more. */
  tradesOutside(
    pairs: readonly Pair[],
    bucket: Bucket,
    question: OutlierQuestion,
    limit: number,
  ): Promise<PricedTrade[] | null>;
  /** Sums per source of the outliers, decided exactly in the database. */
  outlierTotals(pairs: readonly Pair[], bucket: Bucket, question: OutlierQuestion): Promise<SourceVolumes[]>;
  /** The last quote between the currency and USD at or before `at`, at most 7 days old. */
  fxQuote(currency: Asset, sources: readonly string[], at: Micros): Promise<FxQuote | null>;
  timeWeighted(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[] | null): Promise<TimeWeightedSums>;
  /** The last trade before `before`, in the order of trades; `sources` null means any. */
  lastTrade(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[] | null): Promise<LastTrade | null>;
}
