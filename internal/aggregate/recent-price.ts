import { type Bucket, HOUR } from "../canonical/bucket.ts";
import { type Decimal, floatOfDecimal, parseDecimal, sum } from "../canonical/decimal.ts";
import { compareFractions, type Fraction, floatOf } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import { floorTo, type Micros } from "../canonical/time.ts";
import type { Policy } from "./policy.ts";
import type { Block, BlockVolumes, RecentBlocks, TradeReader } from "./reader.ts";
import { areSurelyNear, nearMedian } from "./venues.ts";
import { volumePrice } from "./volume-price.ts";
import { isWithinFactor } from "./within-factor.ts";

/** How many hours with trades the recent price is a median of. */
export const MOST_HOURS = 5;
/** How far back the hours may lie. */
export const HOURS_WITHIN: Micros = 31n * 24n * HOUR;
/** How far back the minutes may lie that stand in for hours where there are none. */
export const MINUTES_WITHIN: Micros = 3n * HOUR;

/** Of which trades the recent price is sought. */
export interface RecentMarket {
  readonly stored: readonly Pair[];
  /** The sources that the class filter keeps; null: any. */
  readonly counted: readonly string[] | null;
  /** The quote volume from which the rollup of an hour or a minute has a vote; null: any has. See `leastVote`. */
  readonly leastQuote: Decimal | null;
}

/**
 * The price that a pair had before a bucket; see docs/guard.md. Null where there were no trades. Hours in which nothing was
 * traded that has a vote count only where there are no others: small trades must not outvote a market that rarely trades. A
 * bucket of more than an hour that nothing lies before is held against what lies before its last hour.
 */
export async function readRecentPrice(
  reader: TradeReader,
  policy: Policy,
  market: RecentMarket,
  { from, to }: Bucket,
): Promise<Fraction | null> {
  const before = async (moment: Micros): Promise<Fraction | null> => {
    const price = await priceBefore(reader, policy, market, moment);
    if (price !== null || market.leastQuote === null) return price;
    return priceBefore(reader, policy, { ...market, leastQuote: null }, moment);
  };
  const price = await before(from);
  return price !== null || to - from <= HOUR ? price : before(to - HOUR);
}

async function priceBefore(
  reader: TradeReader,
  policy: Policy,
  { stored, counted, leastQuote }: RecentMarket,
  moment: Micros,
): Promise<Fraction | null> {
  let blocks = await reader.recentBlocks(stored, moment, counted, leastQuote);
  for (;;) {
    const price = recentPrice(blocks, policy);
    const oldest = blocks.hours[MOST_HOURS - 1];
    if (price !== null || oldest === undefined) return price;
    // Hours whose venues disagree must not let everything pass: what was traded before them counts then.
    const { hours } = await reader.recentBlocks(stored, oldest.from, counted, leastQuote);
    blocks = { hours: hours.filter((hour) => hour.from >= floorTo(moment, HOUR) - HOURS_WITHIN), minutes: [] };
  }
}

/**
 * The median of the prices of the last hours with trades, or of minutes where there are no hours; of an even number, the newest
 * is left out. The price of an hour or a minute is Σ quote / Σ base of its sources after the venue rule. One that none of
 * these sources traded near is no price, and does not count.
 */
export function recentPrice({ hours, minutes }: RecentBlocks, policy: Policy): Fraction | null {
  const prices = [...hours, ...minutes].flatMap((block) => blockPrice(block, policy) ?? []);
  const odd = prices.length % 2 === 0 ? prices.slice(1) : prices;
  return odd.sort(compareBlockPrices)[(odd.length - 1) / 2]?.exact() ?? null;
}

/** The price of a block, to be computed exactly where floats do not tell enough. */
interface BlockPrice {
  readonly float: number;
  readonly exact: () => Fraction;
}

/** Floats of two prices that differ by less of it than this say nothing. */
const FLOAT_ERROR = 1e-9;

function compareBlockPrices(one: BlockPrice, other: BlockPrice): number {
  const difference = one.float - other.float;
  return Math.abs(difference) > FLOAT_ERROR * other.float ? difference : compareFractions(one.exact(), other.exact());
}

/** Floats tell that nothing is odd about a block, as nearly always; where they do not, it is looked at exactly. */
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
  return { float, exact: () => volumePrice(...sources.map(exactVolumes)) };
}

function exactBlockPrice(sources: readonly BlockVolumes[], policy: Policy): BlockPrice | null {
  const volumes = sources.map((each) => ({ source: each.source, ...exactVolumes(each) }));
  const prices = new Map(volumes.map((each) => [each.source, volumePrice(each)]));
  // Whatever has no vote was not read.
  const near = nearMedian(prices, policy, () => true);
  if (near.size === 0) return null;
  const price = volumePrice(...volumes.filter(({ source }) => near.has(source)));
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

/** The volumes of a block, added up exactly. */
export function exactVolumes({ base, quote }: BlockVolumes) {
  return { baseVolume: sum(base.map(parseDecimal)), quoteVolume: sum(quote.map(parseDecimal)) };
}
