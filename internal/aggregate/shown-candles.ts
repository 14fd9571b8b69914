import { type Bucket, HOUR } from "../canonical/bucket.ts";
import { type Decimal, dividePublished, floatOfDecimal, parseDecimal } from "../canonical/decimal.ts";
import { fractionOf } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, floorTo, type Micros, seconds } from "../canonical/time.ts";
import type { CandlePage, CandlePrices, CandleQuestion, CandleSums, CandleTotals } from "./candles.ts";
import { countedSources } from "./class-filter.ts";
import { expandPair, expansionOf } from "./expansion.ts";
import { judgesOutliers, outlierBand, sigmaRule } from "./outliers.ts";
import type { Policy } from "./policy.ts";
import type { Pricing } from "./pricing.ts";
import type { Block, PriceBand, TradeReader } from "./reader.ts";
import { MOST_HOURS } from "./recent-price.ts";
import { areSurelyNear } from "./venues.ts";
import { isWithinFactor } from "./within-factor.ts";

/** A candle under the policy. Volumes and count are of every trade that the class filter keeps. */
export interface ShownCandle extends CandleSums {
  /** Quote volume over base volume of the trades whose price may be shown, rounded like every price. */
  readonly vwap: Decimal;
  /** Whether retention has removed trades that had to be looked into, so that every trade makes the prices. */
  readonly isRaw: boolean;
}

/** What candles are made with. */
export interface CandleContext {
  readonly reader: TradeReader;
  readonly policy: Policy;
  readonly pricing: Pricing;
  /** Tells the refusal of what retention has removed from other errors. */
  readonly isExpired: (error: unknown) => boolean;
}

/**
 * The candles of a page under the policy: their prices are those of trades that form a price, that venue rule and outlier
 * filter keep over the candle, and that the guard lets be shown. One without such a trade is left out. Only candles whose
 * extremes say that something may be left out are looked into.
 */
export async function shownCandles(
  context: CandleContext,
  pair: Pair,
  question: Omit<CandleQuestion, "pairs" | "sources">,
): Promise<CandlePage<ShownCandle>> {
  const { reader, policy } = context;
  const asked = { ...question, pairs: expandPair(pair, policy), sources: countedSources(policy) };
  const { candles, next } = await reader.candles(asked);
  const isMarked = await marks(context, pair, asked, candles);
  const shown = await Promise.all(
    candles.map((candle, index) =>
      isMarked[index] === true || candle.prices === null
        ? lookInto(context, pair, asked, candle)
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

async function lookInto(
  { reader, pricing, isExpired }: CandleContext,
  pair: Pair,
  question: CandleQuestion,
  candle: CandleTotals,
): Promise<ShownCandle | null> {
  const bucket = bucketOf(candle, question);
  try {
    const { measured, filter } = await pricing.shown(pair, bucket);
    if (measured.kept.length === 0) return null;
    const sources = measured.kept.map(({ source }) => source);
    const filtered = await reader.filteredCandle(measured.pairs, bucket, sources, filter);
    return filtered.prices && shownAs(candle, filtered.prices, filtered, false);
  } catch (error) {
    if (!isExpired(error)) throw error;
    const [raw] = (await reader.rawCandles({ ...question, range: bucket, limit: 1 })).candles;
    return raw === undefined ? null : shownAs(candle, raw, raw, true);
  }
}

const SECONDS_PER_HOUR = 3600;
/** What a float may be off by, and more; and a variance of floats, as a part of the squared mean. */
const FLOAT_ERROR = 1e-9;
const VARIANCE_ERROR = 1e-12;

/** Whether each candle has to be looked into: by the venue rule, the outlier filter, the guard, or the peg rule. */
async function marks(
  context: CandleContext,
  pair: Pair,
  question: CandleQuestion,
  candles: readonly CandleTotals[],
): Promise<boolean[]> {
  const { reader, policy, pricing } = context;
  if (candles.length === 0) return [];
  const guarded = await guardMarks(context, pair, question, candles);
  const pegged = await pegMarks(reader, policy, pricing, pair, question, candles);
  return candles.map(
    (candle, index) =>
      guarded[index] === true ||
      pegged[index] === true ||
      mayHoldOddVenue(candle, policy) ||
      mayHoldOutlier(candle, policy),
  );
}

/** Venues whose trades are all near to each other are near themselves. */
function mayHoldOddVenue({ priceMin, priceMax }: CandleTotals, policy: Policy): boolean {
  if (policy.venueDeviationPct.isZero()) return false;
  const [least, greatest] = [floatOfDecimal(priceMin), floatOfDecimal(priceMax)];
  return !areSurelyNear([least, greatest, greatest], policy);
}

function mayHoldOutlier(candle: CandleTotals, { outlierMethod, outlierSigma: k }: Policy): boolean {
  const { tradeCount, priceSum, priceSquareSum, priceMin, priceMax } = candle;
  if (!judgesOutliers([candle], k) || priceMin.equals(priceMax)) return false;
  if (outlierMethod === "mad") return true;
  if (isSurelyInside(candle, floatOfDecimal(k))) return false;
  const weight = parseDecimal(String(tradeCount));
  const band = outlierBand(sigmaRule({ weight, sum: priceSum, squareSum: priceSquareSum }, k));
  return band === null || isOutside(candle, band);
}

/**
 * Whether every price is surely within k standard deviations of the mean, told with floats: their error, which cancels out
 * badly in a variance, is far below what is taken off it.
 */
function isSurelyInside(
  { tradeCount, priceSum, priceSquareSum, priceMin, priceMax }: CandleTotals,
  k: number,
): boolean {
  const mean = floatOfDecimal(priceSum) / tradeCount;
  const variance = floatOfDecimal(priceSquareSum) / tradeCount - mean * mean - VARIANCE_ERROR * mean * mean;
  const furthest = Math.max(floatOfDecimal(priceMax) - mean, mean - floatOfDecimal(priceMin)) + FLOAT_ERROR * mean;
  return variance > 0 && furthest * furthest < k * k * variance;
}

function isOutside({ priceMin, priceMax }: CandleTotals, { low, high }: PriceBand): boolean {
  return priceMin.lessThan(low) || priceMax.greaterThan(high);
}

/**
 * Whether the guard may leave something out. A candle's recent price lies between the extremes of the hours that it is the
 * median of; these hours lie in the candles before, or before the page.
 */
async function guardMarks(
  context: CandleContext,
  pair: Pair,
  question: CandleQuestion,
  candles: readonly CandleTotals[],
): Promise<boolean[]> {
  const { policy, pricing } = context;
  if (policy.guardFactor.isZero()) return candles.map(() => false);
  const factor = Number(policy.guardFactor) * (1 - FLOAT_ERROR);
  const before = await blockPricesBefore(context, pair, question, candles[0]?.from ?? 0n);
  const extremes = candles.map(({ priceMin, priceMax }) => ({
    least: floatOfDecimal(priceMin),
    greatest: floatOfDecimal(priceMax),
  }));
  const isQuiet = (stretches: readonly Extremes[]): boolean =>
    Math.max(...stretches.map(({ greatest }) => greatest)) <= factor * Math.min(...stretches.map(({ least }) => least));
  if (isQuiet([...before, ...extremes])) return candles.map(() => false);
  return Promise.all(
    candles.map(async (candle, index) => {
      const leastQuote = await pricing.leastVote(pair, bucketOf(candle, question));
      const earlier = extremes.slice(firstOfLastHours(candles, index, question, leastQuote), index);
      const around = [extremes[index] as Extremes, ...earlier, ...(index - earlier.length === 0 ? before : [])];
      return !isQuiet(around) && isFarFromRecentPrice(context, pair, question, candle);
    }),
  );
}

/**
 * Whether any price of the candle may be further from its recent price than the guard lets be shown or, where it has none,
 * from its own price, which lies between its extremes.
 */
async function isFarFromRecentPrice(
  { policy, pricing }: CandleContext,
  pair: Pair,
  question: CandleQuestion,
  candle: CandleTotals,
): Promise<boolean> {
  const { priceMin, priceMax } = candle;
  const recent = await pricing.recentPrice(pair, bucketOf(candle, question));
  const isNear = (price: Decimal): boolean =>
    isWithinFactor(fractionOf(price), recent ?? fractionOf(priceMin), policy.guardFactor);
  return !(isNear(priceMin) && isNear(priceMax));
}

interface Extremes {
  readonly least: number;
  readonly greatest: number;
}

/**
 * The prices of the sources in the blocks that recent prices in the page may come from and that lie before it. The hour in
 * which the page begins lies partly before it.
 */
async function blockPricesBefore(
  { reader, pricing }: CandleContext,
  pair: Pair,
  question: CandleQuestion,
  first: Micros,
): Promise<Extremes[]> {
  const { pairs, sources } = question;
  const leastQuote = await pricing.leastVote(pair, bucketOf({ from: first }, question));
  const moments = [...new Set([first, ceilTo(first, HOUR)])];
  const blocksBefore = async (moment: Micros): Promise<Block[]> => {
    for (const least of leastQuote === null ? [null] : [leastQuote, null]) {
      const { hours, minutes } = await reader.recentBlocks(pairs, moment, sources, least);
      if (hours.length + minutes.length > 0) return [...hours, ...minutes];
    }
    return [];
  };
  const blocks = (await Promise.all(moments.map(blocksBefore))).flat();
  return blocks.flatMap((block) =>
    block.sources.map(({ base, quote }) => {
      const price = floatSum(quote) / floatSum(base);
      return { least: price, greatest: price };
    }),
  );
}

function floatSum(texts: readonly string[]): number {
  return texts.reduce((total, text) => total + Number(text), 0);
}

/**
 * The place of the first of the candles before `index` that the hours of its recent price surely lie in. An hour surely counts
 * if it is worth so much that one of its rollups has a vote, however it is divided among them.
 */
function firstOfLastHours(
  candles: readonly CandleTotals[],
  index: number,
  { pairs, sources, intervalSeconds }: CandleQuestion,
  leastQuote: Decimal | null,
): number {
  const rollups = sources === null ? Number.POSITIVE_INFINITY : pairs.length * sources.length;
  const hoursOfCandle = Math.max(1, intervalSeconds / SECONDS_PER_HOUR);
  const needed = leastQuote === null ? 0 : floatOfDecimal(leastQuote) * rollups * hoursOfCandle * (1 + FLOAT_ERROR);
  let [place, hours, worth] = [index, 0, Number.NaN];
  let last: Micros | null = null;
  while (place > 0) {
    const candle = candles[place - 1] as CandleTotals;
    const hour = floorTo(candle.from, HOUR);
    if (hour !== last) {
      if (worth >= needed && ++hours > MOST_HOURS) break;
      worth = Number.NaN;
    }
    if (candle.prices !== null) worth = (Number.isNaN(worth) ? 0 : worth) + floatOfDecimal(candle.quoteVolume);
    last = hour;
    place--;
  }
  return place;
}

function bucketOf({ from }: Pick<CandleTotals, "from">, { intervalSeconds }: Pick<CandleQuestion, "intervalSeconds">) {
  return { from, to: from + seconds(intervalSeconds) };
}

/** Whether an asset that is pegged to the quote is left out of the candle. */
async function pegMarks(
  reader: TradeReader,
  policy: Policy,
  pricing: Pricing,
  pair: Pair,
  { intervalSeconds }: CandleQuestion,
  candles: readonly CandleTotals[],
): Promise<boolean[]> {
  const [first, last] = [candles[0], candles.at(-1)];
  const { pegged } = expansionOf(pair, policy);
  if (pegged.length === 0 || first === undefined || last === undefined) return candles.map(() => false);
  const length = seconds(intervalSeconds);
  const page: Bucket = { from: first.from, to: last.from + length };
  const markets = pegged.flatMap(({ market }) => expansionOf(market, { ...policy, stablecoinProxy: false }).named);
  if ((await reader.totals(markets, page)).length === 0) return candles.map(() => false);
  return Promise.all(
    candles.map(async ({ from }) => (await pricing.stored(pair, { from, to: from + length })).left.length > 0),
  );
}
