import { isVoter, venuesNear } from "./model-filters.ts";
import { compareRatios, isWithin, type Ratio, total } from "./model-numbers.ts";
import { formsPrice, type ModelTrade, type Venue, venuesOf, vwapOf } from "./model-trades.ts";

const MINUTE = 60_000_000n;
const HOUR = 60n * MINUTE;

export interface GuardRules {
  readonly venueDeviation: Ratio;
  /** 0 is off. */
  readonly guardFactor: Ratio;
  readonly confirmations: number;
  readonly minUsd: bigint;
  readonly currencyRate: Ratio | null;
}

/** The lowest and highest price around which prices of a bucket may be shown; null where any price may be shown. */
export type GuardRange = readonly [low: Ratio, high: Ratio] | null;

/** Returns whether a value is withheld, and the guard range of the bucket's single prices. */
export function guard(
  price: Ratio,
  venues: readonly Venue[],
  recent: Ratio | null,
  usdRate: Ratio | null,
  rules: GuardRules,
): { readonly withheld: boolean; readonly guardRange: GuardRange } {
  if (rules.guardFactor[0] === 0n) return { withheld: false, guardRange: null };
  if (recent === null) return { withheld: false, guardRange: [price, price] };
  if (isWithin(price, recent, rules.guardFactor)) return { withheld: false, guardRange: [recent, recent] };
  const confirming = venues.filter((venue) => {
    const meetsFloor = usdRate !== null && compareRatios(usdOf(venue.quote, usdRate), [rules.minUsd, 1n]) >= 0;
    return (rules.minUsd === 0n || meetsFloor) && isWithin(vwapOf([venue]), price, rules.guardFactor);
  });
  if (confirming.length < rules.confirmations) return { withheld: true, guardRange: [recent, recent] };
  return { withheld: false, guardRange: compareRatios(price, recent) < 0 ? [price, recent] : [recent, price] };
}

/** Returns the USD value of a quote volume in units of 10⁻³⁰. */
export function usdOf(quote: bigint, [up, down]: Ratio): Ratio {
  return [quote * up, 10n ** 30n * down];
}

/** Returns whether a single price may be shown. */
export function isInGuardBand(price: Ratio, guardRange: GuardRange, factor: Ratio): boolean {
  if (guardRange === null) return true;
  const [[lowUp, lowDown], [highUp, highDown]] = guardRange;
  const [up, down] = factor;
  return (
    compareRatios(price, [lowUp * down, lowDown * up]) >= 0 && compareRatios(price, [highUp * up, highDown * down]) <= 0
  );
}

/** Returns the price before a bucket; where there is none and it is longer than an hour, that before its last hour. */
export function recentPrice(
  trades: readonly ModelTrade[],
  { from, to }: { readonly from: bigint; readonly to: bigint },
  rules: GuardRules,
): Ratio | null {
  return priceBefore(trades, from, rules) ?? (to - from > HOUR ? priceBefore(trades, to - HOUR, rules) : null);
}

/** Uses the rows with at least 1/100 of the floor, else all rows. */
function priceBefore(trades: readonly ModelTrade[], before: bigint, rules: GuardRules): Ratio | null {
  return priceOfRows(trades, before, rules, true) ?? priceOfRows(trades, before, rules, false);
}

/** Returns the median of the last five priced hours within 31 days, else of the minutes of the last three hours. */
function priceOfRows(
  trades: readonly ModelTrade[],
  before: bigint,
  rules: GuardRules,
  votingOnly: boolean,
): Ratio | null {
  const hour = before - (before % HOUR);
  const blocks = (length: bigint, from: bigint, to: bigint) =>
    blocksOf(trades, length, from, to, (quote) => !votingOnly || isVoter({ quote }, rules));
  const hours = blocks(HOUR, hour - 31n * 24n * HOUR, hour);
  if (hours.length === 0) return medianOfBlocks(blocks(MINUTE, before - 3n * HOUR, before), rules);
  for (let first = 0; first < hours.length; first += 5) {
    const median = medianOfBlocks(hours.slice(first, first + 5), rules);
    if (median !== null) return median;
  }
  return null;
}

function medianOfBlocks(blocks: readonly ModelTrade[][], rules: GuardRules): Ratio | null {
  const prices = blocks.flatMap((block): Ratio[] => {
    const price = blockPrice(block, rules);
    return price === null ? [] : [price];
  });
  // With an even number the newest is left out.
  const odd = prices.slice(prices.length % 2 === 0 ? 1 : 0).sort(compareRatios);
  return odd[(odd.length - 1) / 2] ?? null;
}

/**
 * Returns the trades of full hours or minutes, newest first, without rollup rows (source and market) in which no trade
 * forms a price or whose quote volume does not count.
 */
function blocksOf(
  trades: readonly ModelTrade[],
  length: bigint,
  from: bigint,
  to: bigint,
  counts: (quote: bigint) => boolean,
): ModelTrade[][] {
  const blocks = new Map<bigint, ModelTrade[]>();
  for (const trade of trades) {
    const start = trade.ts - (trade.ts % length);
    if (start < from || start + length > to) continue;
    const isOfRow = ({ ts, source, market }: ModelTrade) =>
      ts - (ts % length) === start && source === trade.source && isSameMarket(market, trade.market);
    const row = trades.filter(isOfRow);
    if (row.some(formsPrice) && counts(total(row.map(({ quote }) => quote))))
      blocks.set(start, [...(blocks.get(start) ?? []), trade]);
  }
  return [...blocks].sort(([one], [other]) => Number(other - one)).map(([, block]) => block);
}

function isSameMarket(one: ModelTrade["market"], other: ModelTrade["market"]): boolean {
  return one?.base === other?.base && one?.quote === other?.quote;
}

/** Returns the VWAP after the venue rule; null where no remaining venue traded within the factor of it. */
function blockPrice(block: readonly ModelTrade[], rules: GuardRules): Ratio | null {
  const { venueDeviation, guardFactor } = rules;
  const venues = venuesOf(block);
  const prices = new Map(venues.map((venue) => [venue.source, vwapOf([venue])]));
  const near = venues.filter(({ source }) => venuesNear(prices, venueDeviation, [...prices.keys()]).has(source));
  const price = vwapOf(near);
  return near.some((venue) => isWithin(vwapOf([venue]), price, guardFactor)) ? price : null;
}
