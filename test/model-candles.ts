import { type FilterRules, outlierTest, withoutDeviatingVenues } from "./model-filters.ts";
import { type GuardRules, guard, isInGuardBand, recentPrice } from "./model-guard.ts";
import { compare, ONE, plain, type Ratio, SCALE, significant, time, total } from "./model-numbers.ts";
import { compareTrades, formsPrice, type ModelTrade, priceOf, venuesOf, vwapOf } from "./model-trades.ts";

/** A query for candles of one market whose quote is worth 1 USD. */
export type ModelCandles = FilterRules &
  Omit<GuardRules, "currencyRate"> & {
    /** Microseconds. */
    readonly interval: bigint;
    /** Start of the first candle; by default that of the first trade. */
    readonly from?: bigint;
  };

/** Computes candles by the plain definition, each one independently, from all trades of sources that count. */
export function modelCandles(trades: readonly ModelTrade[], query: ModelCandles): object[] {
  const { interval, from: first = 0n } = query;
  const starts = new Set(trades.map(({ ts }) => ts - (ts % interval)).filter((start) => start >= first));
  return [...starts].sort(compare).flatMap((from) => candle(trades, from, query) ?? []);
}

function candle(trades: readonly ModelTrade[], from: bigint, asked: ModelCandles): object | null {
  const one: Ratio = [1n, 1n];
  const query = { ...asked, currencyRate: one };
  const to = from + query.interval;
  const inside = trades.filter(({ ts }) => from <= ts && ts < to).sort(compareTrades);
  const ofVenues = withoutDeviatingVenues(inside, query);
  const isOutlier = outlierTest(ofVenues, query);
  const kept = ofVenues.filter((trade) => !isOutlier(priceOf(trade)));
  if (kept.length === 0) return null;
  const venues = venuesOf(kept);
  const { guardRange } = guard(vwapOf(venues), venues, recentPrice(trades, { from, to }, query), one, query);
  const passing = kept.filter((trade) => isInGuardBand([priceOf(trade), ONE], guardRange, query.guardFactor));
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
    vwap: significant(...vwapOf(passing), 18),
  };
}
