import type { Asset } from "../canonical/asset.ts";
import type { Bucket } from "../canonical/bucket.ts";
import type { Decimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { CandlePage, CandlePrices, CandleQuery, CandleTotals } from "./candles/candles.ts";
import type { FxQuote, FxRates } from "./fx-rates.ts";

/** Sums over the trades of one source. A trade's price is quote/base, truncated to 30 decimals. */
export interface SourceTotals {
  readonly source: string;
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
  /** A lower bound of the prices; not necessarily attained. */
  readonly priceMin: Decimal;
  /** An upper bound of the prices; not necessarily attained. */
  readonly priceMax: Decimal;
}

/** The trade count and volumes of a source that count towards a value. */
export type SourceVolumes = Pick<SourceTotals, "source" | "tradeCount" | "baseVolume" | "quoteVolume">;

/** Returns the total number of trades. */
export function countOf(volumes: readonly Pick<SourceVolumes, "tradeCount">[]): number {
  return volumes.reduce((count, { tradeCount }) => count + tradeCount, 0);
}

/** A trade with its price, as the outlier filter reports it. */
export interface PricedTrade {
  readonly pair: Pair;
  readonly ts: Micros;
  readonly source: string;
  readonly tradeId: string;
  readonly price: Decimal;
  readonly baseAmount: Decimal;
  readonly quoteAmount: Decimal;
}

/** A closed price interval [low, high]. */
export interface PriceBand {
  readonly low: Decimal;
  readonly high: Decimal;
}

/**
 * Exact sums from which mean and variance of a window's prices follow: n, Σp and Σp², or, weighted by quote volume q,
 * Σq, Σq·p and Σq·p².
 */
export interface PriceStatistics {
  readonly weight: Decimal;
  readonly sum: Decimal;
  readonly squareSum: Decimal;
}

/** The exact median of a window's prices, and their median absolute deviation (MAD). */
export interface PriceMedians {
  readonly median: Decimal;
  readonly mad: Decimal;
}

/** Σ price·Δt and Σ Δt (microseconds) of a bucket's trades. */
export interface TimeWeightedSums {
  readonly weightedSum: Decimal;
  readonly duration: Micros;
  /** Number of trades in the bucket, without the one carried in from before it. */
  readonly tradeCount: number;
}

/** The last trade of a market. */
export interface LastTrade {
  readonly ts: Micros;
  readonly source: string;
  readonly price: Decimal;
}

/** The condition under which a price p is an outlier. */
export type OutlierRule =
  /** |p − μ| > k·σ of the statistics. */
  | { readonly method: "sigma"; readonly statistics: PriceStatistics; readonly k: Decimal }
  /** |p − median| > reach. */
  | { readonly method: "mad"; readonly median: Decimal; readonly reach: Decimal };

/**
 * Selects the single prices that may be shown: those of trades that form a price ({@link formsPrice}), are not outliers
 * by `rule` and lie within the guard's `band`. Null means no such condition.
 */
export interface PriceFilter {
  readonly rule: OutlierRule | null;
  readonly band: PriceBand | null;
}

/** The trades from which a single price is taken. */
export interface PriceSelection {
  /** Null means any. */
  readonly sources: readonly string[] | null;
  /** Null means every stored trade. */
  readonly filter: PriceFilter | null;
}

/** The trades of a TWAP. */
export interface TimeWeightedSelection extends PriceSelection {
  /** Maximum age of an earlier price that is carried into the bucket. Without a filter none is carried in. */
  readonly carrySeconds: number;
}

/** A candle over the trades that pass a filter. */
export interface FilteredCandle {
  /** Null where no trade passes. */
  readonly prices: CandlePrices | null;
  /** Count and volumes also include trades that form no price but pass otherwise. */
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
}

/**
 * A source's volumes in an hour or a minute: one decimal string per stored pair, to be summed. They are parsed lazily,
 * because floats are precise enough for most blocks.
 */
export interface BlockVolumes {
  readonly source: string;
  readonly base: readonly string[];
  readonly quote: readonly string[];
}

/**
 * The volumes of one hour or minute per source, in bytewise order of the sources. Sources without a trade that forms a
 * price are omitted.
 */
export interface Block {
  readonly from: Micros;
  readonly sources: readonly BlockVolumes[];
}

/** The blocks shortly before a point in time, newest first; blocks without trades are omitted. */
export interface RecentBlocks {
  /** The last five full hours with trades, within 31 days. */
  readonly hours: readonly Block[];
  /** Where there are no such hours: all full minutes with trades of the last three hours; else empty. */
  readonly minutes: readonly Block[];
}

/** A query for outliers: trades of these sources outside the band, decided exactly by the rule. */
export interface OutlierQuery {
  readonly sources: readonly string[];
  /** Number of trades of these sources in the bucket. */
  readonly tradeCount: number;
  readonly band: PriceBand;
  readonly rule: OutlierRule;
}

/** The outliers of a window. */
export interface FoundOutliers {
  /** Sums of the outliers per source. */
  readonly volumes: readonly SourceVolumes[];
  /** The outliers one by one; null where they exceed the limit. */
  readonly trades: readonly PricedTrade[] | null;
}

/**
 * The port through which computations read trades. All results of one reader come from one snapshot.
 * Results cover every trade of the bucket; a query that needs rows which retention has removed throws.
 */
export interface TradeReader {
  /** Returns sums per source, in bytewise order of the sources; sources without trades are omitted. */
  totals(pairs: readonly Pair[], bucket: Bucket): Promise<SourceTotals[]>;
  /** Returns the outliers; one by one only if they are at most `limit`. */
  outliers(pairs: readonly Pair[], bucket: Bucket, query: OutlierQuery, limit: number): Promise<FoundOutliers>;
  /**
   * Returns the median of the prices of the sources' trades, and the median of |price − median|; for an even number of
   * trades, the mean of the middle two. `count` is the number of trades from `totals`, at least 1.
   */
  medians(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[], count: number): Promise<PriceMedians>;
  /**
   * Returns Σq, Σq·p and Σq·p² over the sources' trades, q being the quote volume: see {@link PriceStatistics}. Throws
   * where the rollups lack these sums and the raw trades are gone.
   */
  weightedStatistics(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[]): Promise<PriceStatistics>;
  /**
   * Returns the median of the prices weighted by quote volume, and the weighted median of |price − median|. The
   * weighted median is the lowest value at which the cumulative volume reaches half; at exactly half, its mean with the
   * next value.
   */
  weightedMedians(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[]): Promise<PriceMedians>;
  /** Returns the last rate between the currency and USD at or before `at`, at most 7 days old. */
  fxQuote(currency: Asset, sources: readonly string[], at: Micros): Promise<FxQuote | null>;
  /** Returns the last rates between any two currencies at or before `at`; older than 7 days is stale. */
  fxRates(sources: readonly string[], at: Micros): Promise<FxRates>;
  /**
   * Returns the pairs, as traded, with trades of the sources (null: any) in the bucket; some may have none. Their bases
   * are currencies, tickers or in `bases`.
   */
  tradedPairs(bucket: Bucket, bases: readonly Asset[], sources: readonly string[] | null): Promise<Pair[]>;
  /**
   * Returns, by contract, the classic asset that each contract derives from on the network of the passphrase, searched
   * among all assets ever traded. A cached list may be up to `within` microseconds old; 0 reads the snapshot.
   */
  classicAssets(contracts: readonly Asset[], network: string, within: Micros): Promise<ReadonlyMap<Asset, Asset>>;
  /**
   * Returns the sums of a TWAP over the selected trades of the bucket, in trade order. Each price is in effect until
   * the next one or the bucket's end; of trades with the same timestamp the last by trade order counts. The last
   * selected trade before the bucket, at most `carrySeconds` old, is in effect until the first.
   */
  timeWeighted(pairs: readonly Pair[], bucket: Bucket, selection: TimeWeightedSelection): Promise<TimeWeightedSums>;
  /**
   * Returns the time of the last trade of the sources (null: any); null where there is none or retention removed it.
   */
  lastTradeTime(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[] | null): Promise<Micros | null>;
  /** Returns the last selected trade of the bucket, in trade order. */
  lastTrade(pairs: readonly Pair[], bucket: Bucket, selection: PriceSelection): Promise<LastTrade | null>;
  /** Returns the first page of candles of a range, from rollups alone. */
  candles(query: CandleQuery): Promise<CandlePage<CandleTotals>>;
  /** Returns the same candles with prices over every trade. */
  rawCandles(query: CandleQuery): Promise<CandlePage>;
  /** Returns the candle over the sources' trades that pass the filter, in a bucket of whole minutes. */
  filteredCandle(
    pairs: readonly Pair[],
    bucket: Bucket,
    sources: readonly string[],
    filter: PriceFilter,
  ): Promise<FilteredCandle>;
  /**
   * Returns the blocks for a recent price, from hourly or minute rollups per source and stored pair.
   * @param sources null: any
   * @param minQuoteVolume rollups with less quote volume are omitted; null: none are
   */
  recentBlocks(
    pairs: readonly Pair[],
    before: Micros,
    sources: readonly string[] | null,
    minQuoteVolume: Decimal | null,
  ): Promise<RecentBlocks>;
}
