import { once } from "../aggregate/once.ts";
import type { TradeReader } from "../aggregate/reader.ts";
import type { Micros } from "../canonical/time.ts";
import type { CandleSearch } from "./candle-search.ts";
import { readCandleTotals, readRawCandles } from "./candles.ts";
import { readClassicAssets, rememberedWalks, type Walks } from "./classic-assets.ts";
import { coverOf } from "./cover.ts";
import type { Database, Sql } from "./database.ts";
import { readFilteredCandles } from "./filtered-candles.ts";
import { type FxQuestion, readFxQuotes, readFxRates } from "./fx.ts";
import type { Horizons } from "./horizons.ts";
import { type LastTimeQuestion, readLastTradeTimes } from "./last-trade-times.ts";
import { readMedians } from "./medians.ts";
import { type OutlierSearch, readOutliers } from "./outliers.ts";
import { storedBlocks } from "./read-blocks.ts";
import { type Ended, readOnly } from "./read-only.ts";
import { recentBlocksFrom } from "./recent-blocks.ts";
import { readLastTrade, readTimeWeighted } from "./time-weighted.ts";
import { together } from "./together.ts";
import { readTotals, type TotalsQuestion } from "./totals.ts";
import { readTradedPairs } from "./traded-pairs.ts";
import { readWeightedMedians } from "./weighted-medians.ts";
import { readWeightedStatistics } from "./weighted-statistics.ts";

/**
 * Runs `read` on one snapshot of the database: a trade that lands in between is seen by all of its questions or by none.
 * What is asked for many buckets at once is read in few round trips.
 * @throws ClockAhead, ReplayBehind where what is asked about has not ended, see `readOnly`
 */
export function withSnapshot<T>(
  database: Database,
  read: (reader: TradeReader) => Promise<T>,
  ended?: Ended,
): Promise<T> {
  const walks = rememberedWalks(database);
  return readOnly(
    database,
    (sql, horizons, now, isChunked) => read(readerOf(sql, horizons, now, { walks, isChunked })),
    ended,
  );
}

/** Answers by statements of a transaction that `readOnly` has opened. */
export function readerOf(
  sql: Sql,
  horizons: Horizons,
  now: Micros,
  { walks = new Map(), isChunked = false }: { readonly walks?: Walks; readonly isChunked?: boolean } = {},
): TradeReader {
  const totals = together((questions: readonly TotalsQuestion[]) => readTotals(sql, questions));
  const outliers = together((searches: readonly OutlierSearch[]) => readOutliers(sql, horizons, searches));
  const lastTradeTime = together((questions: readonly LastTimeQuestion[]) =>
    readLastTradeTimes(sql, horizons, questions),
  );
  const filteredCandle = together((searches: readonly CandleSearch[]) => readFilteredCandles(sql, horizons, searches));
  const fxQuote = once(
    (question: FxQuestion) => `${question.currency} ${question.at} ${question.sources.join()}`,
    together((questions: readonly FxQuestion[]) => readFxQuotes(sql, horizons, questions)),
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
    classicAssets: (contracts, network, within) => readClassicAssets(sql, walks, now, { contracts, network, within }),
    timeWeighted: (pairs, bucket, selection) => readTimeWeighted(sql, horizons, pairs, bucket, selection),
    lastTrade: (pairs, bucket, selection) => readLastTrade(sql, horizons, pairs, bucket, selection),
    lastTradeTime: (pairs, bucket, sources) => lastTradeTime({ pairs, bucket, sources }),
    rawCandles: (question) => readRawCandles(sql, horizons, question),
    candles: (question) => readCandleTotals(sql, horizons, question),
    filteredCandle: (pairs, bucket, sources, filter) => filteredCandle({ pairs, bucket, sources, filter }),
    recentBlocks: recentBlocksFrom(horizons, storedBlocks(sql)),
  };
}
