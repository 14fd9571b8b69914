import type { Micros } from "../../canonical/time.ts";
import { makeBatcher } from "../../lib/batcher.ts";
import { memoize } from "../../lib/memoize.ts";
import type { TradeReader } from "../../policy/reader.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { type Ended, readOnly } from "../connection/read-only.ts";
import type { Horizons } from "../retention/horizons.ts";
import { type AssetScans, cachedAssetScans, readClassicAssets } from "../trades/classic-assets.ts";
import { type FxQuestion, readFxQuotes, readFxRates } from "../trades/fx.ts";
import { type LastTimeQuestion, readLastTradeTimes } from "../trades/last-trade-times.ts";
import { readTradedPairs } from "../trades/traded-pairs.ts";
import type { CandleSearch } from "./candle-search.ts";
import { readCandleTotals, readRawCandles } from "./candles.ts";
import { coverOf } from "./cover.ts";
import { readFilteredCandles } from "./filtered-candles.ts";
import { readMedians } from "./medians.ts";
import type { OutlierSearch } from "./outlier-search.ts";
import { readOutliers } from "./outliers.ts";
import { storedBlocks } from "./read-blocks.ts";
import { recentBlocksFrom } from "./recent-blocks.ts";
import { readLastTrade, readTimeWeighted } from "./time-weighted.ts";
import { readTotals, type TotalsQuestion } from "./totals.ts";
import { readWeightedMedians } from "./volume-weighted-medians.ts";
import { readWeightedStatistics } from "./volume-weighted-statistics.ts";

/**
 * Runs `read` on one snapshot: all of its queries see the same trades. Queries for many buckets that are issued at once
 * are batched into few round trips.
 * @throws ClockAhead, ReplayBehind if `ended` is not over, see `readOnly`
 */
export function withSnapshot<T>(
  database: Database,
  read: (reader: TradeReader) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  const scans = cachedAssetScans(database);
  return readOnly(
    database,
    (sql, horizons, now, isChunked) => read(readerOf(sql, horizons, now, { scans, isChunked })),
    ended,
  );
}

/** Makes a reader on a transaction of `readOnly`. */
export function readerOf(
  sql: Sql,
  horizons: Horizons,
  now: Micros,
  { scans = new Map(), isChunked = false }: { readonly scans?: AssetScans; readonly isChunked?: boolean } = {},
): TradeReader {
  const totals = makeBatcher((questions: readonly TotalsQuestion[]) => readTotals(sql, questions));
  const outliers = makeBatcher((searches: readonly OutlierSearch[]) => readOutliers(sql, horizons, searches));
  const lastTradeTime = makeBatcher((questions: readonly LastTimeQuestion[]) =>
    readLastTradeTimes(sql, horizons, questions),
  );
  const filteredCandle = makeBatcher((searches: readonly CandleSearch[]) =>
    readFilteredCandles(sql, horizons, searches),
  );
  const fxQuote = memoize(
    (question: FxQuestion) => `${question.currency} ${question.at} ${question.sources.join()}`,
    makeBatcher((questions: readonly FxQuestion[]) => readFxQuotes(sql, horizons, questions)),
  );
  return {
    totals: async (pairs, bucket) => totals({ pairs, cover: coverOf(bucket, horizons, now) }),
    outliers: (pairs, bucket, question, limit) => outliers({ pairs, bucket, question, limit }),
    medians: (pairs, bucket, sources, count) => readMedians(sql, horizons, pairs, bucket, sources, count),
    weightedStatistics: (pairs, bucket, sources) =>
      readWeightedStatistics(sql, horizons, now, { pairs, bucket, sources }),
    weightedMedians: (pairs, bucket, sources) => readWeightedMedians(sql, horizons, { pairs, bucket, sources }),
    fxQuote: (currency, sources, at) => fxQuote({ currency, sources, at }),
    fxRates: (sources, at) => readFxRates(sql, horizons, sources, at, isChunked),
    tradedPairs: (bucket, bases, sources) => readTradedPairs(sql, horizons, bucket, bases, sources, isChunked),
    classicAssets: (contracts, network, within) => readClassicAssets(sql, scans, now, { contracts, network, within }),
    timeWeighted: (pairs, bucket, selection) => readTimeWeighted(sql, horizons, pairs, bucket, selection),
    lastTrade: (pairs, bucket, selection) => readLastTrade(sql, horizons, pairs, bucket, selection),
    lastTradeTime: (pairs, bucket, sources) => lastTradeTime({ pairs, bucket, sources }),
    rawCandles: (question) => readRawCandles(sql, horizons, question),
    candles: (question) => readCandleTotals(sql, horizons, question),
    filteredCandle: (pairs, bucket, sources, filter) => filteredCandle({ pairs, bucket, sources, filter }),
    recentBlocks: recentBlocksFrom(horizons, storedBlocks(sql)),
  };
}
