import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, dividePublished, formatDecimal, roundPublished } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;
const MOST_DAYS = 7;

/** The prices of a candle; they are the trades' own. */
export interface CandlePrices {
  readonly open: Decimal;
  readonly high: Decimal;
  readonly low: Decimal;
  readonly close: Decimal;
}

/** What the trades of one candle add up to. */
export interface CandleSums extends CandlePrices {
  readonly from: Micros;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly tradeCount: number;
}

/**
 * What the trades of one candle add up to, with what tells whether a filter of single prices changes it: by the extremes of all
 * trades, and their count, Σp and Σp².
 */
export interface CandleTotals {
  readonly from: Micros;
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
  readonly priceMin: Decimal;
  readonly priceMax: Decimal;
  /** How many trades form no price; null where the rollups do not know. */
  readonly impreciseCount: number | null;
  /** Over the trades that form a price; null where none does, or where the rollups do not know. */
  readonly prices: CandlePrices | null;
}

export interface CandleQuestion {
  /** Pairs whose trades count together. */
  readonly pairs: readonly Pair[];
  /** Null means any. */
  readonly sources: readonly string[] | null;
  /** Whole minutes. */
  readonly intervalSeconds: number;
  /** On the grid of the interval. */
  readonly range: Bucket;
  /** How many intervals a page spans at most, from its first candle on. */
  readonly limit: number;
}

export interface CandlePage<Sums = CandleSums> {
  /** In time order; intervals without trades are left out. */
  readonly candles: readonly Sums[];
  /** Where the first candle after the page begins; null where there is none. */
  readonly next: Micros | null;
}

/** A candle as it is shown: prices with at most 18 significant digits, volumes exact, times RFC 3339. */
export interface Candle {
  readonly from: string;
  readonly to: string;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly base_volume: string;
  readonly quote_volume: string;
  readonly trade_count: number;
  readonly vwap: string;
  /** Present where retention has removed trades that the policy would have to look into: every trade makes the prices. */
  readonly filtered?: false;
}

/** Whether candles can be this long: whole minutes that divide a day, or whole days up to a week. */
export function isCandleInterval(intervalSeconds: number): boolean {
  if (intervalSeconds <= 0 || intervalSeconds % MINUTE_SECONDS !== 0) return false;
  if (intervalSeconds < DAY_SECONDS) return DAY_SECONDS % intervalSeconds === 0;
  return intervalSeconds % DAY_SECONDS === 0 && intervalSeconds <= MOST_DAYS * DAY_SECONDS;
}

/** A candle of every trade as it is shown. */
export function rawCandleOf(sums: CandleSums, intervalSeconds: number): Candle {
  return candleOf({ ...sums, vwap: dividePublished(sums.quoteVolume, sums.baseVolume), isRaw: false }, intervalSeconds);
}

/**
 * A candle as it is shown.
 * @param sums with the VWAP, rounded, and whether the policy could not be applied
 */
export function candleOf(
  sums: CandleSums & { readonly vwap: Decimal; readonly isRaw: boolean },
  intervalSeconds: number,
): Candle {
  const price = (value: Decimal): string => formatDecimal(roundPublished(value));
  return {
    from: formatTime(sums.from),
    to: formatTime(sums.from + seconds(intervalSeconds)),
    open: price(sums.open),
    high: price(sums.high),
    low: price(sums.low),
    close: price(sums.close),
    base_volume: formatDecimal(sums.baseVolume),
    quote_volume: formatDecimal(sums.quoteVolume),
    trade_count: sums.tradeCount,
    vwap: formatDecimal(sums.vwap),
    ...(sums.isRaw ? { filtered: false } : {}),
  };
}
