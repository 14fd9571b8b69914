import type { Asset } from "../canonical/asset.ts";
import type { Bucket } from "../canonical/bucket.ts";
import type { Decimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { CandlePage, CandlePrices, CandleQuestion, CandleTotals } from "./candles.ts";

/** Sums over the trades of one source. Prices are the trades' own: quote/base cut at 30 decimals. */
export interface SourceTotals {
  readonly source: string;
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
  /** No price is lower; there may be none as low. */
  readonly priceMin: Decimal;
  /** No price is higher; there may be none as high. */
  readonly priceMax: Decimal;
}

/** What of a source counts towards a value: trades and their volumes. */
export type SourceVolumes = Pick<SourceTotals, "source" | "tradeCount" | "baseVolume" | "quoteVolume">;

/** How many trades these are. */
export function countOf(volumes: readonly Pick<SourceVolumes, "tradeCount">[]): number {
  return volumes.reduce((count, { tradeCount }) => count + tradeCount, 0);
}

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

/**
 * How the prices of a window lie, exactly: n, Σp and Σp² where every trade weighs the same, or Σq, Σq·p and Σq·p² where it
 * weighs its quote volume q.
 */
export interface PriceStatistics {
  readonly weight: Decimal;
  readonly sum: Decimal;
  readonly squareSum: Decimal;
}

/** The middle of a window's prices, and the middle of their distances from it, exactly. */
export interface PriceMedians {
  readonly median: Decimal;
  readonly mad: Decimal;
}

/** A rate to USD; `inverse` where the quote is of USD in the currency, so that one divides by the price. */
export interface FxQuote {
  readonly price: Decimal;
  readonly inverse: boolean;
}

/** The last quote between two currencies, of either orientation; `pair` is as quoted. */
export interface FxRate {
  readonly pair: Pair;
  readonly price: Decimal;
  readonly ts: Micros;
  readonly source: string;
}

/** The rates between currencies at a moment. */
export interface FxRates {
  /** One per two currencies. */
  readonly current: readonly FxRate[];
  /** Currencies, as quoted, whose last quote is too old. */
  readonly stale: readonly Pair[];
  /** Currencies, as quoted, whose last quote retention may have removed. */
  readonly expired: readonly ExpiredRate[];
}

/** What the rate was cannot be known any more; `error` says why. */
export interface ExpiredRate {
  readonly pair: Pair;
  readonly error: Error;
}

/** Σ price·Δt and Σ Δt (microseconds) of a bucket's trades. */
export interface TimeWeightedSums {
  readonly weightedSum: Decimal;
  readonly duration: Micros;
  /** Trades of the bucket; one that is carried into it is not counted. */
  readonly tradeCount: number;
}

/** A trade's price where it stands alone: the last one of a market. */
export interface LastTrade {
  readonly ts: Micros;
  readonly source: string;
  readonly price: Decimal;
}

/** Which prices are outliers. */
export type OutlierRule =
  /** |p − μ| > k·σ of the statistics. */
  | { readonly method: "sigma"; readonly statistics: PriceStatistics; readonly k: Decimal }
  /** |p − median| > reach. */
  | { readonly method: "mad"; readonly median: Decimal; readonly reach: Decimal };

/**
 * Which single prices are shown: those of trades that form a price ({@link formsPrice}), are no outliers by `rule` and lie
 * within the band of the guard, both ends included. Null stands for no such condition.
 */
export interface PriceFilter {
  readonly rule: OutlierRule | null;
  readonly band: PriceBand | null;
}

/** Which trades a single price is taken from. */
export interface PriceSelection {
  /** Null means any. */
  readonly sources: readonly string[] | null;
  /** Null means every trade, as it is stored. */
  readonly filter: PriceFilter | null;
}

/** Which trades a TWAP is made of. */
export interface TimeWeightedSelection extends PriceSelection {
  /** How old the price may be that stands when the bucket begins. Without a filter, none does. */
  readonly carrySeconds: number;
}

/** What a filter leaves of a candle. */
export interface FilteredCandle {
  /** Over the trades that pass; null where none does. */
  readonly prices: CandlePrices | null;
  /** Of the trades that pass, and of those that form no price but pass otherwise. */
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
}

/**
 * What a source traded in an hour or a minute. The volumes are decimals as texts, one of each stored pair, to be added up: few
 * blocks are ever computed with exactly.
 */
export interface BlockVolumes {
  readonly source: string;
  readonly base: readonly string[];
  readonly quote: readonly string[];
}

/**
 * What was traded in one hour or minute, per source in bytewise order of the sources. A source without a trade that forms a
 * price is left out.
 */
export interface Block {
  readonly from: Micros;
  readonly sources: readonly BlockVolumes[];
}

/** The trading shortly before a moment, newest first; blocks without trades are left out. */
export interface RecentBlocks {
  /** The last five hours with such rows that were over by the last full hour, within 31 days. */
  readonly hours: readonly Block[];
  /** Where there is no such hour, all minutes of the last three hours that are over; else none. */
  readonly minutes: readonly Block[];
}

/** What the outlier filter asks for: trades of these sources with prices outside the band, decided by the rule. */
export interface OutlierQuestion {
  readonly sources: readonly string[];
  /** How many trades of theirs there are. */
  readonly tradeCount: number;
  readonly band: PriceBand;
  readonly rule: OutlierRule;
}

/** The outliers of a window. */
export interface FoundOutliers {
  /** Their sums per source. */
  readonly volumes: readonly SourceVolumes[];
  /** All of them; null where they are too many to name. */
  readonly trades: readonly PricedTrade[] | null;
}

/**
 * What a computation reads. All answers of one reader come from one snapshot of the trades.
 * Every answer counts every trade of the bucket; a question that needs rows retention has removed is refused.
 */
export interface TradeReader {
  /** Sums per source, in bytewise order of the sources; sources without trades are left out. */
  totals(pairs: readonly Pair[], bucket: Bucket): Promise<SourceTotals[]>;
  /** The outliers; at most `limit` trades of them are named. */
  outliers(pairs: readonly Pair[], bucket: Bucket, question: OutlierQuestion, limit: number): Promise<FoundOutliers>;
  /**
   * The median of the prices of the sources' trades, and the median of |price − median|; of an even number of trades each is
   * the mean of the middle two. `count` is how many trades these are, at least 1, from `totals`.
   */
  medians(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[], count: number): Promise<PriceMedians>;
  /**
   * Σq, Σq·p and Σq·p² over the sources' trades, q being the quote volume: see {@link PriceStatistics}. Refused where neither
   * the rollups hold these sums nor the raw trades are there.
   */
  weightedStatistics(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[]): Promise<PriceStatistics>;
  /**
   * The median of the prices weighted by quote volume, and the weighted median of |price − median|: the least value up to
   * which there is half of the volume; where that is exactly half, the mean of it and the next one.
   */
  weightedMedians(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[]): Promise<PriceMedians>;
  /** The last quote between the currency and USD at or before `at`, at most 7 days old. */
  fxQuote(currency: Asset, sources: readonly string[], at: Micros): Promise<FxQuote | null>;
  /** The last quotes between any two currencies at or before `at`; one more than 7 days old is stale. */
  fxRates(sources: readonly string[], at: Micros): Promise<FxRates>;
  /**
   * The pairs, as traded, that have trades of the sources (null: any) in the bucket, and maybe some without. Their bases
   * are currencies, tickers or among `bases`.
   */
  tradedPairs(bucket: Bucket, bases: readonly Asset[], sources: readonly string[] | null): Promise<Pair[]>;
  /**
   * The classic assets that these contracts stand for on the network of the passphrase, of all assets that were ever traded; by
   * contract. What is remembered of them may have been read so many microseconds ago; with 0 it is as the snapshot has it.
   */
  classicAssets(contracts: readonly Asset[], network: string, within: Micros): Promise<ReadonlyMap<Asset, Asset>>;
  /**
   * The sums for a TWAP, over the trades of the bucket that are selected, in their order. Each price stands until the next
   * one or the bucket's end; of several at one instant the last stands. The last selected trade before the bucket, at most
   * `carrySeconds` old, stands until the first.
   */
  timeWeighted(pairs: readonly Pair[], bucket: Bucket, selection: TimeWeightedSelection): Promise<TimeWeightedSums>;
  /** When the last trade of the sources (null: any) was; null where there is none, or retention has removed the bucket's trades. */
  lastTradeTime(pairs: readonly Pair[], bucket: Bucket, sources: readonly string[] | null): Promise<Micros | null>;
  /** The last selected trade of the bucket, in the order of trades. */
  lastTrade(pairs: readonly Pair[], bucket: Bucket, selection: PriceSelection): Promise<LastTrade | null>;
  /** The first candles of a range, from rollups alone. */
  candles(question: CandleQuestion): Promise<CandlePage<CandleTotals>>;
  /** The same candles; every trade makes their prices. */
  rawCandles(question: CandleQuestion): Promise<CandlePage>;
  /** What a filter leaves of a candle: of the sources' trades in a bucket of whole minutes. */
  filteredCandle(
    pairs: readonly Pair[],
    bucket: Bucket,
    sources: readonly string[],
    filter: PriceFilter,
  ): Promise<FilteredCandle>;
  /**
   * What a recent price is made of: the rollups of hours or minutes, each of one source and stored pair.
   * @param sources null: any
   * @param leastQuote rollups with less quote volume are left out; null: none are
   */
  recentBlocks(
    pairs: readonly Pair[],
    before: Micros,
    sources: readonly string[] | null,
    leastQuote: Decimal | null,
  ): Promise<RecentBlocks>;
}
