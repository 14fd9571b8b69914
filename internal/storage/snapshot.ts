import type { TradeReader } from "../aggregate/reader.ts";
import type { Database, Sql } from "./database.ts";
import { readFxQuote, readFxRates } from "./fx.ts";
import type { Horizons } from "./horizons.ts";
import { readMedians } from "./medians.ts";
import { readOutlierTotals, readTradesOutside } from "./outliers.ts";
import { readOnly } from "./read-only.ts";
import { readLastTrade, readTimeWeighted } from "./time-weighted.ts";
import { readTotals } from "./totals.ts";
import { readTradedPairs } from "./traded-pairs.ts";

/**
 * Runs `read` on one snapshot of the database: a trade that lands in between is seen by all of its questions or by none.
 */
export function withSnapshot<T>(database: Database, read: (reader: TradeReader) => Promise<T>): Promise<T> {
  return readOnly(database, (sql, horizons) => read(readerOf(sql, horizons)));
}

function readerOf(sql: Sql, horizons: Horizons): TradeReader {
  return {
    totals: (pairs, bucket) => readTotals(sql, horizons, pairs, bucket),
    tradesOutside: (pairs, bucket, question, limit) => readTradesOutside(sql, horizons, pairs, bucket, question, limit),
    outlierTotals: (pairs, bucket, question) => readOutlierTotals(sql, horizons, pairs, bucket, question),
    medians: (pairs, bucket, sources, count) => readMedians(sql, horizons, pairs, bucket, sources, count),
    fxQuote: (currency, sources, at) => readFxQuote(sql, horizons, currency, sources, at),
    fxRates: (sources, at) => readFxRates(sql, horizons, sources, at),
    tradedPairs: (bucket, bases, sources) => readTradedPairs(sql, horizons, bucket, bases, sources),
    timeWeighted: (pairs, bucket, sources) => readTimeWeighted(sql, horizons, pairs, bucket, sources),
    lastTrade: (pairs, bucket, sources) => readLastTrade(sql, horizons, pairs, bucket, sources),
  };
}
