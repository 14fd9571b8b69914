import { type FilterRules, ofNearVenues, outlierTest } from "./oracle-filters.ts";
import { type GuardRules, guard, isAbout, recentPrice } from "./oracle-guard.ts";
import { compare, ONE, plain, type Ratio, SCALE, significant, time, total } from "./oracle-numbers.ts";
import { formsPrice, inOrder, type OracleTrade, priceOf, venuesOf, volumePrice } from "./oracle-trades.ts";

/** What candles are asked for, of one market whose quote is worth one dollar. */
export type OracleCandles = FilterRules &
  Omit<GuardRules, "currencyRate"> & {
    /** Microseconds. */
    readonly interval: bigint;
    /** The first candle; without it, that of the first trade. */
    readonly from?: bigint;
  };

/** Candles by the plain definition, row by row: each one by itself, from all trades of sources that count. */
export function oracleCandles(trades: readonly OracleTrade[], question: OracleCandles): object[] {
  const { interval, from: first = 0n } = question;
  const starts = new Set(trades.map(({ ts }) => ts - (ts % interval)).filter((start) => start >= first));
  return [...starts].sort(compare).flatMap((from) => candle(trades, from, question) ?? []);
}

function candle(trades: readonly OracleTrade[], from: bigint, asked: OracleCandles): object | null {
  const one: Ratio = [1n, 1n];
  const question = { ...asked, currencyRate: one };
  const to = from + question.interval;
  const inside = trades.filter(({ ts }) => from <= ts && ts < to).sort(inOrder);
  const ofVenues = ofNearVenues(inside, question);
  const isOutlier = outlierTest(ofVenues, question);
  const kept = ofVenues.filter((trade) => !isOutlier(priceOf(trade)));
  if (kept.length === 0) return null;
  const venues = venuesOf(kept);
  const { about } = guard(volumePrice(venues), venues, recentPrice(trades, { from, to }, question), one, question);
  const passing = kept.filter((trade) => isAbout([priceOf(trade), ONE], about, question.guardFactor));
  const prices = passing.filter(formsPrice).map(priceOf);
  if (prices.length === 0) return null;
  const ordered = [...prices].sort(compare);
  const shown = (price = 0n): string => significant(price, ONE, 18);
  return {
    from: time(from),
    to: time(to),
    open: shown(prices[0]),
    high: shown(ordered.at(-1)),
    low: shown(ordered[0]),
    close: shown(prices.at(-1)),
    base_volume: plain(total(inside.map(({ base }) => base)), SCALE),
    quote_volume: plain(total(inside.map(({ quote }) => quote)), SCALE),
    trade_count: inside.length,
    vwap: significant(...volumePrice(passing), 18),
  };
}
