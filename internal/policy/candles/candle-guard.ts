import { HOUR } from "../../canonical/bucket.ts";
import { type Decimal, floatOfDecimal } from "../../canonical/decimal.ts";
import { fractionOf } from "../../canonical/fraction.ts";
import type { Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import type { Block } from "../reader.ts";
import { MAX_HOURS } from "../recent-price.ts";
import { isWithinFactor } from "../within-factor.ts";
import type { CandleContext } from "./candle-context.ts";
import { bucketOf, type CandleQuery, type CandleTotals } from "./candles.ts";

const SECONDS_PER_HOUR = 3600;
/** Upper bound of the relative error of a float. */
export const FLOAT_ERROR = 1e-9;

/**
 * Returns for each candle whether the guard may remove a price. A candle's recent price lies between the extremes of
 * the hours that it is the median of; these hours are in earlier candles or before the page.
 */
export async function guardMayFilter(
  context: CandleContext,
  pair: Pair,
  query: CandleQuery,
  candles: readonly CandleTotals[],
): Promise<boolean[]> {
  const { policy, pricing } = context;
  if (policy.guardFactor.isZero()) return candles.map(() => false);
  const factor = Number(policy.guardFactor) * (1 - FLOAT_ERROR);
  const before = await blockPricesBefore(context, pair, query, candles[0]?.from ?? 0n);
  const extremes = candles.map(({ priceMin, priceMax }) => ({
    lowest: floatOfDecimal(priceMin),
    highest: floatOfDecimal(priceMax),
  }));
  const isWithinGuard = (ranges: readonly Extremes[]): boolean =>
    Math.max(...ranges.map(({ highest }) => highest)) <= factor * Math.min(...ranges.map(({ lowest }) => lowest));
  if (isWithinGuard([...before, ...extremes])) return candles.map(() => false);
  return Promise.all(
    candles.map(async (candle, index) => {
      const minQuoteVolume = await pricing.minVotingVolume(pair, bucketOf(candle, query));
      const earlier = extremes.slice(firstCandleOfRecentHours(candles, index, query, minQuoteVolume), index);
      const around = [extremes[index] as Extremes, ...earlier, ...(index - earlier.length === 0 ? before : [])];
      return !isWithinGuard(around) && isFarFromRecentPrice(context, pair, query, candle);
    }),
  );
}

/**
 * Returns whether a price of the candle may be outside the guard factor of the recent price or, without one, of the
 * candle's own price, which lies between its extremes.
 */
async function isFarFromRecentPrice(
  { policy, pricing }: CandleContext,
  pair: Pair,
  query: CandleQuery,
  candle: CandleTotals,
): Promise<boolean> {
  const { priceMin, priceMax } = candle;
  const recent = await pricing.recentPrice(pair, bucketOf(candle, query));
  const isNear = (price: Decimal): boolean =>
    isWithinFactor(fractionOf(price), recent ?? fractionOf(priceMin), policy.guardFactor);
  return !(isNear(priceMin) && isNear(priceMax));
}

interface Extremes {
  readonly lowest: number;
  readonly highest: number;
}

/**
 * Returns the sources' prices in the blocks before the page from which recent prices in the page may come. The hour in
 * which the page begins is partly before it.
 */
async function blockPricesBefore(
  { reader, pricing }: CandleContext,
  pair: Pair,
  query: CandleQuery,
  first: Micros,
): Promise<Extremes[]> {
  const { pairs, sources } = query;
  const minQuoteVolume = await pricing.minVotingVolume(pair, bucketOf({ from: first }, query));
  const moments = [...new Set([first, ceilTo(first, HOUR)])];
  const blocksBefore = async (moment: Micros): Promise<Block[]> => {
    for (const minimum of minQuoteVolume === null ? [null] : [minQuoteVolume, null]) {
      const { hours, minutes } = await reader.recentBlocks(pairs, moment, sources, minimum);
      if (hours.length + minutes.length > 0) return [...hours, ...minutes];
    }
    return [];
  };
  const blocks = (await Promise.all(moments.map(blocksBefore))).flat();
  return blocks.flatMap((block) =>
    block.sources.map(({ base, quote }) => {
      const price = floatSum(quote) / floatSum(base);
      return { lowest: price, highest: price };
    }),
  );
}

function floatSum(texts: readonly string[]): number {
  return texts.reduce((total, text) => total + Number(text), 0);
}

/**
 * Returns the index of the first candle before `index` such that the hours of the recent price are certainly in the
 * candles from there on. An hour certainly counts if its volume is so large that, however it is divided, one rollup has
 * a vote.
 */
function firstCandleOfRecentHours(
  candles: readonly CandleTotals[],
  index: number,
  { pairs, sources, intervalSeconds }: CandleQuery,
  minQuoteVolume: Decimal | null,
): number {
  const rollups = sources === null ? Number.POSITIVE_INFINITY : pairs.length * sources.length;
  const hoursOfCandle = Math.max(1, intervalSeconds / SECONDS_PER_HOUR);
  const needed =
    minQuoteVolume === null ? 0 : floatOfDecimal(minQuoteVolume) * rollups * hoursOfCandle * (1 + FLOAT_ERROR);
  let [place, hours, worth] = [index, 0, Number.NaN];
  let last: Micros | null = null;
  while (place > 0) {
    const candle = candles[place - 1] as CandleTotals;
    const hour = floorTo(candle.from, HOUR);
    if (hour !== last) {
      if (worth >= needed && ++hours > MAX_HOURS) break;
      worth = Number.NaN;
    }
    if (candle.prices !== null) worth = (Number.isNaN(worth) ? 0 : worth) + floatOfDecimal(candle.quoteVolume);
    last = hour;
    place--;
  }
  return place;
}
