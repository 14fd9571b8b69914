import { type Decimal, dividePublished, formatDecimal, roundPublished } from "../canonical/decimal.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;
const MOST_DAYS = 7;

/** What the trades of one candle add up to; prices are the trades' own. */
export interface CandleSums {
  readonly from: Micros;
  readonly open: Decimal;
  readonly high: Decimal;
  readonly low: Decimal;
  readonly close: Decimal;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly tradeCount: number;
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
}

/** Whether candles can be this long: whole minutes that divide a day, or whole days up to a week. */
export function isCandleInterval(intervalSeconds: number): boolean {
  if (intervalSeconds <= 0 || intervalSeconds % MINUTE_SECONDS !== 0) return false;
  if (intervalSeconds < DAY_SECONDS) return DAY_SECONDS % intervalSeconds === 0;
  return intervalSeconds % DAY_SECONDS === 0 && intervalSeconds <= MOST_DAYS * DAY_SECONDS;
}

export function candleOf(sums: CandleSums, intervalSeconds: number): Candle {
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
    vwap: formatDecimal(dividePublished(sums.quoteVolume, sums.baseVolume)),
  };
}
