import { type Bucket, HOUR } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { parseDecimal, sum } from "../../canonical/decimal.ts";
import type { CandlePrices } from "../../policy/candles/candles.ts";
import type { FilteredCandle } from "../../policy/reader.ts";
import type { Sql } from "../connection/pool.ts";
import { type Horizons, missingRows } from "../retention/horizons.ts";
import { type CandleRow, type CandleSearch, type CandleTrade, searchCandles } from "./candle-search.ts";

/** Prices with the keys of the opening and closing trade. */
interface KeyedPrices extends CandlePrices {
  readonly first: CandleTrade;
  readonly last: CandleTrade;
}

/**
 * Computes filtered candles in one statement. Rollups whose prices all pass the filter are used as they are; other
 * hours are read by minutes, other minutes by trades. See {@link TradeReader.filteredCandle}.
 * @returns RawDataExpired in place of a candle that needs removed rows
 */
export async function readFilteredCandles(
  sql: Sql,
  horizons: Horizons,
  searches: readonly CandleSearch[],
): Promise<(FilteredCandle | Error)[]> {
  const parts = searches.flatMap(({ pairs, ...search }, part) =>
    pairs.map((pair) => ({ part, pair, inHours: isOfHours(search.bucket), ...search })),
  );
  const rows = searches.map((): CandleRow[] => []);
  for (const row of await searchCandles(sql, horizons, parts)) rows[row.part]?.push(row);
  return searches.map(({ bucket }, part) => {
    const found = rows[part] ?? [];
    const rollups = isOfHours(bucket) ? { hours: [bucket] } : { minutes: [bucket] };
    const trades = found.flatMap(({ needed_from }) =>
      needed_from === null ? [] : [{ from: BigInt(needed_from), to: bucket.to }],
    );
    return missingRows(horizons, { ...rollups, trades }) ?? candleOf(found);
  });
}

function isOfHours({ from, to }: Bucket): boolean {
  return from % HOUR === 0n && to % HOUR === 0n;
}

/** Joins the pairs of one candle; rows are in pair order. */
function candleOf(rows: readonly CandleRow[]): FilteredCandle {
  const [first, ...others] = rows.flatMap(pricesOf);
  return {
    prices: first === undefined ? null : withoutKeys(others.reduce(joined, first)),
    tradeCount: rows.reduce((all, { trade_count }) => all + Number(trade_count), 0),
    baseVolume: sum(rows.map(({ base_volume }) => parseDecimal(base_volume))),
    quoteVolume: sum(rows.map(({ quote_volume }) => parseDecimal(quote_volume))),
  };
}

/** Returns an empty list if no trade forms a price. */
function pricesOf({ first, last, high, low }: CandleRow): KeyedPrices[] {
  if (first === null || last === null || high === null || low === null) return [];
  const priceOf = ([, , , price]: CandleTrade) => parseDecimal(price);
  return [
    { first, last, open: priceOf(first), close: priceOf(last), high: parseDecimal(high), low: parseDecimal(low) },
  ];
}

function withoutKeys({ open, high, low, close }: KeyedPrices): CandlePrices {
  return { open, high, low, close };
}

function joined(one: KeyedPrices, other: KeyedPrices): KeyedPrices {
  const { first, open } = isBefore(other.first, one.first) ? other : one;
  const { last, close } = isBefore(other.last, one.last) ? one : other;
  return {
    ...{ first, open, last, close },
    high: other.high.greaterThan(one.high) ? other.high : one.high,
    low: other.low.lessThan(one.low) ? other.low : one.low,
  };
}

/** Compares by the order of trades within a pair. */
function isBefore([ts, source, id]: CandleTrade, [otherTs, otherSource, otherId]: CandleTrade): boolean {
  if (ts !== otherTs) return BigInt(ts) < BigInt(otherTs);
  return (compareBytes(source, otherSource) || [...id].length - [...otherId].length || compareBytes(id, otherId)) < 0;
}
