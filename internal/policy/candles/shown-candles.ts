import { type Decimal, dividePublished } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { countedSources } from "../class-filter.ts";
import { expandPair } from "../expansion.ts";
import type { CandleContext } from "./candle-context.ts";
import { candlesToFilter } from "./candle-filtering.ts";
import {
  bucketOf,
  type CandlePage,
  type CandlePrices,
  type CandleQuery,
  type CandleSums,
  type CandleTotals,
} from "./candles.ts";

/** A candle under the policy. Volumes and count cover every trade that the class filter keeps. */
export interface ShownCandle extends CandleSums {
  /** VWAP of the trades whose price may be shown, rounded to 18 significant digits. */
  readonly vwap: Decimal;
  /** Whether the prices are unfiltered because retention has removed the trades that a filter needs. */
  readonly isRaw: boolean;
}

/**
 * Returns the candles of a page under the policy. Their prices come from trades that form a price and pass venue rule,
 * outlier filter and guard over the candle; candles without such trades are omitted. Rollups suffice for most candles;
 * only those whose extremes show that a filter may remove a trade are computed from trades.
 */
export async function shownCandles(
  context: CandleContext,
  pair: Pair,
  query: Omit<CandleQuery, "pairs" | "sources">,
): Promise<CandlePage<ShownCandle>> {
  const { reader, policy } = context;
  const expanded = { ...query, pairs: expandPair(pair, policy), sources: countedSources(policy) };
  const { candles, next } = await reader.candles(expanded);
  const needsFiltering = await candlesToFilter(context, pair, expanded, candles);
  const shown = await Promise.all(
    candles.map((candle, index) =>
      needsFiltering[index] === true || candle.prices === null
        ? filterCandle(context, pair, expanded, candle)
        : shownAs(candle, candle.prices, candle, false),
    ),
  );
  return { candles: shown.filter((candle) => candle !== null), next };
}

function shownAs(
  { from, baseVolume, quoteVolume, tradeCount }: Omit<CandleTotals, "prices">,
  { open, high, low, close }: CandlePrices,
  priced: { readonly baseVolume: Decimal; readonly quoteVolume: Decimal },
  isRaw: boolean,
): ShownCandle {
  const vwap = dividePublished(priced.quoteVolume, priced.baseVolume);
  return { from, open, high, low, close, baseVolume, quoteVolume, tradeCount, vwap, isRaw };
}

async function filterCandle(
  { reader, pricing, isExpired }: CandleContext,
  pair: Pair,
  query: CandleQuery,
  candle: CandleTotals,
): Promise<ShownCandle | null> {
  const bucket = bucketOf(candle, query);
  try {
    const { measured, filter } = await pricing.shown(pair, bucket);
    if (measured.kept.length === 0) return null;
    const sources = measured.kept.map(({ source }) => source);
    const filtered = await reader.filteredCandle(measured.pairs, bucket, sources, filter);
    return filtered.prices && shownAs(candle, filtered.prices, filtered, false);
  } catch (error) {
    if (!isExpired(error)) throw error;
    const [raw] = (await reader.rawCandles({ ...query, range: bucket, limit: 1 })).candles;
    return raw === undefined ? null : shownAs(candle, raw, raw, true);
  }
}
