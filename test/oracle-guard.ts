import { isVoter, venuesNear } from "./oracle-filters.ts";
import { compareRatios, isWithin, type Ratio, total } from "./oracle-numbers.ts";
import { formsPrice, type OracleTrade, type Venue, venuesOf, volumePrice } from "./oracle-trades.ts";

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

/** What prices of a bucket may be about, the lowest and the highest; null where any may be. */
export type About = readonly [low: Ratio, high: Ratio] | null;

/** Whether a price is withheld, and what single prices may be about. */
export function guard(
  price: Ratio,
  venues: readonly Venue[],
  recent: Ratio | null,
  usdRate: Ratio | null,
  rules: GuardRules,
): { readonly withheld: boolean; readonly about: About } {
  if (rules.guardFactor[0] === 0n) return { withheld: false, about: null };
  if (recent === null) return { withheld: false, about: [price, price] };
  if (isWithin(price, recent, rules.guardFactor)) return { withheld: false, about: [recent, recent] };
  const confirming = venues.filter((venue) => {
    const isWorthIt = usdRate !== null && compareRatios(usdOf(venue.quote, usdRate), [rules.minUsd, 1n]) >= 0;
    return (rules.minUsd === 0n || isWorthIt) && isWithin(volumePrice([venue]), price, rules.guardFactor);
  });
  if (confirming.length < rules.confirmations) return { withheld: true, about: [recent, recent] };
  return { withheld: false, about: compareRatios(price, recent) < 0 ? [price, recent] : [recent, price] };
}

/** The USD that a quote volume of 10⁻³⁰ is worth. */
export function usdOf(quote: bigint, [up, down]: Ratio): Ratio {
  return [quote * up, 10n ** 30n * down];
}

/** Whether a price may be shown. */
export function isAbout(price: Ratio, about: About, factor: Ratio): boolean {
  if (about === null) return true;
  const [[lowUp, lowDown], [highUp, highDown]] = about;
  const [up, down] = factor;
  return (
    compareRatios(price, [lowUp * down, lowDown * up]) >= 0 && compareRatios(price, [highUp * up, highDown * down]) <= 0
  );
}

/** The price before a bucket; where there is none and the bucket is longer than an hour, that before its last hour. */
export function recentPrice(
  trades: readonly OracleTrade[],
  { from, to }: { readonly from: bigint; readonly to: bigint },
  rules: GuardRules,
): Ratio | null {
  return priceBefore(trades, from, rules) ?? (to - from > HOUR ? priceBefore(trades, to - HOUR, rules) : null);
}

/** That of rows that are worth a hundredth of the floor, else of any. */
function priceBefore(trades: readonly OracleTrade[], before: bigint, rules: GuardRules): Ratio | null {
  return priceOfRows(trades, before, rules, true) ?? priceOfRows(trades, before, rules, false);
}

/** The median of the last five hours with trades within 31 days that have a price, or else of the minutes of the last three. */
function priceOfRows(
  trades: readonly OracleTrade[],
  before: bigint,
  rules: GuardRules,
  mustHaveVote: boolean,
): Ratio | null {
  const hour = before - (before % HOUR);
  const blocks = (length: bigint, from: bigint, to: bigint) =>
    blocksOf(trades, length, from, to, (quote) => !mustHaveVote || isVoter({ quote }, rules));
  const hours = blocks(HOUR, hour - 31n * 24n * HOUR, hour);
  if (hours.length === 0) return medianOfBlocks(blocks(MINUTE, before - 3n * HOUR, before), rules);
  for (let first = 0; first < hours.length; first += 5) {
    const median = medianOfBlocks(hours.slice(first, first + 5), rules);
    if (median !== null) return median;
  }
  return null;
}

function medianOfBlocks(blocks: readonly OracleTrade[][], rules: GuardRules): Ratio | null {
  const prices = blocks.flatMap((block): Ratio[] => {
    const price = blockPrice(block, rules);
    return price === null ? [] : [price];
  });
  // Of an even number the newest is left out.
  const odd = prices.slice(prices.length % 2 === 0 ? 1 : 0).sort(compareRatios);
  return odd[(odd.length - 1) / 2] ?? null;
}

/**
 * The trades of whole blocks of time, newest first, without what a source traded of a market in one of them where none of it
 * forms a price or its quote volume does not count.
 */
function blocksOf(
  trades: readonly OracleTrade[],
  length: bigint,
  from: bigint,
  to: bigint,
  counts: (quote: bigint) => boolean,
): OracleTrade[][] {
  const blocks = new Map<bigint, OracleTrade[]>();
  for (const trade of trades) {
    const start = trade.ts - (trade.ts % length);
    if (start < from || start + length > to) continue;
    const isOfRow = ({ ts, source, market }: OracleTrade) =>
      ts - (ts % length) === start && source === trade.source && isSameMarket(market, trade.market);
    const row = trades.filter(isOfRow);
    if (row.some(formsPrice) && counts(total(row.map(({ quote }) => quote))))
      blocks.set(start, [...(blocks.get(start) ?? []), trade]);
  }
  return [...blocks].sort(([one], [other]) => Number(other - one)).map(([, block]) => block);
}

function isSameMarket(one: OracleTrade["market"], other: OracleTrade["market"]): boolean {
  return one?.base === other?.base && one?.quote === other?.quote;
}

/** After the venue rule; null where no venue that is left traded within the factor of it. */
function blockPrice(block: readonly OracleTrade[], rules: GuardRules): Ratio | null {
  const { venueDeviation, guardFactor } = rules;
  const venues = venuesOf(block);
  const prices = new Map(venues.map((venue) => [venue.source, volumePrice([venue])]));
  const near = venues.filter(({ source }) => venuesNear(prices, venueDeviation, [...prices.keys()]).has(source));
  const price = volumePrice(near);
  return near.some((venue) => isWithin(volumePrice([venue]), price, guardFactor)) ? price : null;
}
