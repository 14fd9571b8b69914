import type { TradeReader } from "../aggregate/reader.ts";
import type { Database, Sql } from "./database.ts";
import { readFxQuote } from "./fx.ts";
import { type Horizons, readHorizons } from "./horizons.ts";
import { readOutlierTotals, readTradesOutside } from "./outliers.ts";
import { readLastTrade, readTimeWeighted } from "./time-weighted.ts";
import { readTotals } from "./totals.ts";

/**
 * Runs `read` on one snapshot of the database: a trade that lands in between is seen by all of its questions or by none.
 */
export function withSnapshot<T>({ sql }: Database, read: (reader: TradeReader) => Promise<T>): Promise<T> {
  return sql.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY", async (transaction) =>
    read(readerOf(transaction, await readHorizons(transaction))),
  ) as Promise<T>;
}

function readerOf(sql: Sql, horizons: Horizons): TradeReader {
  return {
    totals: (pairs, bucket) => readTotals(sql, horizons, pairs, bucket),
    tradesOutside: (pairs, bucket, question, limit) => readTradesOutside(sql, horizons, pairs, bucket, question, limit),
    outlierTotals: (pairs, bucket, question) => readOutlierTotals(sql, horizons, pairs, bucket, question),
    fxQuote: (currency, sources, at) => readFxQuote(sql, horizons, currency, sources, at),
    timeWeighted: (pairs, bucket, sources) => readTimeWeighted(sql, horizons, pairs, bucket, sources),
    lastTrade: (pairs, bucket, sources) => readLastTrade(sql, horizons, pairs, bucket, sources),
  };
}
