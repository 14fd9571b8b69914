import type { Bucket } from "../../canonical/bucket.ts";
import { type Decimal, dividePublished, formatDecimal, roundPublished } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;
const MAX_DAYS = 7;

/** The prices of a candle: unrounded trade prices. */
export interface CandlePrices {
  readonly open: Decimal;
  readonly high: Decimal;
  readonly low: Decimal;
  readonly close: Decimal;
}

/** The prices, volumes and count of one candle. */
export interface CandleSums extends CandlePrices {
  readonly from: Micros;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly tradeCount: number;
}

/**
 * A candle from rollups. Count, Σp, Σp² and the extremes of all trades show whether a filter can change its prices.
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
  /** Number of trades that form no price; null where the rollups predate that column. */
  readonly impreciseCount: number | null;
  /** Prices over the trades that form a price; null where there are none or the rollups do not have them. */
  readonly prices: CandlePrices | null;
}

export interface CandleQuery {
  /** Stored pairs whose trades are aggregated. */
  readonly pairs: readonly Pair[];
  /** Null means any. */
  readonly sources: readonly string[] | null;
  /** A multiple of 60. */
  readonly intervalSeconds: number;
  /** Aligned to the interval. */
  readonly range: Bucket;
  /** Maximum number of intervals that a page spans, from its first candle on. */
  readonly limit: number;
}

export interface CandlePage<Sums = CandleSums> {
  /** In time order; intervals without trades are omitted. */
  readonly candles: readonly Sums[];
  /** Start of the first candle after the page; null where there is none. */
  readonly next: Micros | null;
}

/** A candle in the API: prices with at most 18 significant digits, exact volumes, RFC 3339 times. */
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
  /** Present where retention has removed trades that the policy's filters need; the prices are then unfiltered. */
  readonly filtered?: false;
}

/** Returns whether candles can have this length: whole minutes that divide a day, or whole days up to a week. */
export function isCandleInterval(intervalSeconds: number): boolean {
  if (intervalSeconds <= 0 || intervalSeconds % MINUTE_SECONDS !== 0) return false;
  if (intervalSeconds < DAY_SECONDS) return DAY_SECONDS % intervalSeconds === 0;
  return intervalSeconds % DAY_SECONDS === 0 && intervalSeconds <= MAX_DAYS * DAY_SECONDS;
}

/** Returns an unfiltered candle in its API form. */
export function rawCandleOf(sums: CandleSums, intervalSeconds: number): Candle {
  return candleOf({ ...sums, vwap: dividePublished(sums.quoteVolume, sums.baseVolume), isRaw: false }, intervalSeconds);
}

/**
 * Returns a candle in its API form.
 * @param sums with the rounded VWAP; `isRaw` where the policy could not be applied
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

/** Returns the bucket that a candle covers. */
export function bucketOf(
  { from }: Pick<CandleTotals, "from">,
  { intervalSeconds }: Pick<CandleQuery, "intervalSeconds">,
) {
  return { from, to: from + seconds(intervalSeconds) };
}
