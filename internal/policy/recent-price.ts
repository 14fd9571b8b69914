import { type Bucket, HOUR } from "../canonical/bucket.ts";
import { type Decimal, floatOfDecimal, parseDecimal, sum } from "../canonical/decimal.ts";
import { compareFractions, type Fraction, floatOf } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { floorTo, type Micros } from "../canonical/time.ts";
import type { Policy } from "./policy.ts";
import type { Block, BlockVolumes, RecentBlocks, TradeReader } from "./reader.ts";
import { areSurelyNear, nearMedian } from "./venues.ts";
import { vwapOf } from "./vwap-of.ts";
import { isWithinFactor } from "./within-factor.ts";

/** Maximum number of hours with trades that the recent price is the median of. */
export const MAX_HOURS = 5;
/** Maximum age of these hours. */
export const HOURS_LOOKBACK: Micros = 31n * 24n * HOUR;
/** Maximum age of the minutes that are used where there are no hours. */
export const MINUTES_LOOKBACK: Micros = 3n * HOUR;

/** The trades that a recent price is computed from. */
export interface RecentMarket {
  readonly stored: readonly Pair[];
  /** The sources that the class filter keeps; null: any. */
  readonly counted: readonly string[] | null;
  /** Minimum quote volume of an hour's or minute's rollup to have a vote; null: any volume. See `minVotingVolume`. */
  readonly minQuoteVolume: Decimal | null;
}

/**
 * Returns the recent price of a pair before a bucket; see docs/guard.md. Null where there were no trades. Hours without
 * a vote count only where there are no others: small trades must not outvote a market that rarely trades. A bucket
 * longer than an hour without earlier trades is compared with the price before its last hour.
 */
export async function readRecentPrice(
  reader: TradeReader,
  policy: Policy,
  market: RecentMarket,
  { from, to }: Bucket,
): Promise<Fraction | null> {
  const before = async (moment: Micros): Promise<Fraction | null> => {
    const price = await priceBefore(reader, policy, market, moment);
    if (price !== null || market.minQuoteVolume === null) return price;
    return priceBefore(reader, policy, { ...market, minQuoteVolume: null }, moment);
  };
  const price = await before(from);
  return price !== null || to - from <= HOUR ? price : before(to - HOUR);
}

async function priceBefore(
  reader: TradeReader,
  policy: Policy,
  { stored, counted, minQuoteVolume }: RecentMarket,
  moment: Micros,
): Promise<Fraction | null> {
  let blocks = await reader.recentBlocks(stored, moment, counted, minQuoteVolume);
  for (;;) {
    const price = recentPrice(blocks, policy);
    const oldest = blocks.hours[MAX_HOURS - 1];
    if (price !== null || oldest === undefined) return price;
    // Where the venues of all these hours disagree, earlier hours are used: without a recent price the guard would be
    // off.
    const { hours } = await reader.recentBlocks(stored, oldest.from, counted, minQuoteVolume);
    blocks = { hours: hours.filter((hour) => hour.from >= floorTo(moment, HOUR) - HOURS_LOOKBACK), minutes: [] };
  }
}

/**
 * Returns the median of the blocks' prices, without the newest block if their number is even. A block's price is its
 * VWAP after the venue rule; blocks in which no source traded within the guard factor of that price do not count.
 */
export function recentPrice({ hours, minutes }: RecentBlocks, policy: Policy): Fraction | null {
  const prices = [...hours, ...minutes].flatMap((block) => blockPrice(block, policy) ?? []);
  const odd = prices.length % 2 === 0 ? prices.slice(1) : prices;
  return odd.sort(compareBlockPrices)[(odd.length - 1) / 2]?.exact() ?? null;
}

/** The price of a block; the exact price is computed only where the float is too imprecise. */
interface BlockPrice {
  readonly float: number;
  readonly exact: () => Fraction;
}

/** Relative difference below which two float prices are compared exactly. */
const FLOAT_ERROR = 1e-9;

function compareBlockPrices(one: BlockPrice, other: BlockPrice): number {
  const difference = one.float - other.float;
  return Math.abs(difference) > FLOAT_ERROR * other.float ? difference : compareFractions(one.exact(), other.exact());
}

/** Decides with floats where all sources clearly agree, as they nearly always do; otherwise computes exactly. */
function blockPrice({ sources }: Block, policy: Policy): BlockPrice | null {
  const prices: number[] = [];
  let [base, quote] = [0, 0];
  for (const volumes of sources) {
    const [ownBase, ownQuote] = [floatSum(volumes.base), floatSum(volumes.quote)];
    prices.push(ownQuote / ownBase);
    base += ownBase;
    quote += ownQuote;
  }
  const float = quote / base;
  const reach = floatOfDecimal(policy.guardFactor) * (1 - FLOAT_ERROR);
  const isTraded = prices.some((price) => price <= float * reach && price * reach >= float);
  if (!isTraded || !areSurelyNear(prices, policy)) return exactBlockPrice(sources, policy);
  return { float, exact: () => vwapOf(...sources.map(exactVolumes)) };
}

function exactBlockPrice(sources: readonly BlockVolumes[], policy: Policy): BlockPrice | null {
  const volumes = sources.map((each) => ({ source: each.source, ...exactVolumes(each) }));
  const prices = new Map(volumes.map((each) => [each.source, vwapOf(each)]));
  // Volumes without a vote were not read.
  const near = nearMedian(prices, policy, () => true);
  if (near.size === 0) return null;
  const price = vwapOf(...volumes.filter(({ source }) => near.has(source)));
  const isTraded = [...near].some((source) =>
    isWithinFactor(prices.get(source) as Fraction, price, policy.guardFactor),
  );
  return isTraded ? { float: floatOf(price), exact: () => price } : null;
}

function floatSum(texts: readonly string[]): number {
  let total = 0;
  for (const text of texts) total += Number(text);
  return total;
}

/** Returns the exact sums of a block's volumes. */
export function exactVolumes({ base, quote }: BlockVolumes) {
  return { baseVolume: sum(base.map(parseDecimal)), quoteVolume: sum(quote.map(parseDecimal)) };
}
