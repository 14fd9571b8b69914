import { type Block, countBefore, type Series, windowValue, within } from "./series.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** A rule for the recent price. A value too far from every price of the rule is withheld; without prices none is. */
export interface Candidate {
  readonly name: string;
  /** The prices are constant while `from` is within the same multiple of these seconds; 0 if they may always change. */
  readonly grain: number;
  readonly recent: (series: Series, from: number, window: number) => readonly number[];
}

interface HourRule {
  readonly count: number;
  readonly days: number;
  readonly middle: (blocks: readonly Block[]) => number;
  /** With fewer hours than this, the minutes of the last three hours count too. */
  readonly minutesBelow: number;
  /** An hour without a source within the factor of its price has no price. */
  readonly traded: boolean;
  /** A window of more than an hour without earlier trades is compared with the price before its last hour. */
  readonly inside: boolean;
  /** Hours and minutes with less quote volume count only if there are no others. */
  readonly least: number;
}

/** The rule of internal/policy/recent-price.ts. */
const ADOPTED: HourRule = {
  count: 5,
  days: 31,
  middle: oddMedian,
  minutesBelow: 1,
  traded: true,
  inside: true,
  least: 100,
};

/** The adopted rule, variants that differ from it in one respect each, and different rules. */
export const CANDIDATES: readonly Candidate[] = [
  hours("adopted", ADOPTED),
  hours("any hour", { ...ADOPTED, least: 0 }),
  hours("or H24", ADOPTED, { ...ADOPTED, count: 24 }),
  hours("H3", { ...ADOPTED, count: 3 }),
  hours("H9", { ...ADOPTED, count: 9 }),
  hours("7 days", { ...ADOPTED, days: 7 }),
  hours("by quote", { ...ADOPTED, middle: medianByQuote }),
  minutes("M30", 30),
  { name: "VWAP 24h", grain: 0, recent: (series, from) => present(windowValue(series, from - DAY, from)?.price) },
  windows("P5", 5),
];

/** The adopted rule, and the same without one of its parts. */
export const PARTS: readonly Candidate[] = [
  hours("adopted", ADOPTED),
  hours("the middle of an even number, minutes beside one or two hours", {
    ...ADOPTED,
    middle: median,
    minutesBelow: 3,
  }),
  hours("an hour counts at whose price nobody traded", { ...ADOPTED, traded: false }),
  hours("a long window is not looked into", { ...ADOPTED, inside: false }),
];

/** The median of the last hours. With several rules a value may be near the price of any of them. */
function hours(name: string, ...rules: readonly HourRule[]): Candidate {
  return {
    name,
    grain: 60,
    recent: (series, from, window) =>
      rules.flatMap((rule) => {
        const price = recentHours(series, from, rule);
        const isLookedInto = price === undefined && rule.inside && window > HOUR;
        return present(isLookedInto ? recentHours(series, from + window - HOUR, rule) : price);
      }),
  };
}

function recentHours(series: Series, from: number, rule: HourRule): number | undefined {
  return middleOfHours(series, from, rule, rule.least) ?? middleOfHours(series, from, rule, 0);
}

function middleOfHours(series: Series, from: number, rule: HourRule, least: number): number | undefined {
  const isCounted = ({ quote }: Block): boolean => quote >= least;
  const hours = blocksBefore(series.hours, from, HOUR, rule.days * DAY).filter(isCounted);
  const minutes =
    hours.length < rule.minutesBelow ? blocksBefore(series.minutes, from, 60, 3 * HOUR).filter(isCounted) : [];
  // If none of the last hours has a price, earlier ones count.
  for (let end = hours.length; end >= 0; end -= rule.count) {
    const blocks = [...hours.slice(Math.max(0, end - rule.count), end), ...minutes];
    const priced = rule.traded ? blocks.filter(isTraded) : blocks;
    if (priced.length > 0) return rule.middle(priced);
  }
  return undefined;
}

function isTraded({ price, sources }: Block): boolean {
  return sources.some((own) => within(own, price, 2));
}

/** The median of the last minutes with trades within a day. */
function minutes(name: string, count: number): Candidate {
  return {
    name,
    grain: 60,
    recent: (series, from) => {
      const blocks = blocksBefore(series.minutes, from, 60, DAY).slice(-count);
      return blocks.length === 0 ? [] : [median(blocks)];
    },
  };
}

/** The median of the last windows of the target's own length with trades: of 7 days, or of 31 of the longest. */
function windows(name: string, count: number): Candidate {
  return {
    name,
    grain: 0,
    recent: (series, from, window) => {
      const prices: number[] = [];
      const earliest = from - (window < DAY ? 7 : 31) * DAY;
      for (let to = from; prices.length < count; to -= window) {
        // Times without trades are skipped: the next window must contain the last trade before `to`.
        const last = lastBefore(series, to);
        if (last < earliest) break;
        to = from - Math.floor((from - last) / window) * window;
        if (to <= last) to += window;
        const value = windowValue(series, to - window, to);
        if (value !== null) prices.push(value.price);
      }
      return prices.length === 0 ? [] : [medianOf(prices)];
    },
  };
}

function lastBefore({ sources }: Series, to: number): number {
  return Math.max(...sources.map(({ times }) => times[countBefore(times, to) - 1] ?? Number.NEGATIVE_INFINITY));
}

/** Returns the whole blocks of the given number of seconds before the last whole block before `from`, oldest first. */
function blocksBefore(blocks: readonly Block[], from: number, length: number, lookBack: number): Block[] {
  const starts = startsOf(blocks);
  const end = Math.floor(from / length) * length;
  return blocks.slice(countBefore(starts, end - lookBack), countBefore(starts, end));
}

const STARTS = new WeakMap<readonly Block[], number[]>();
function startsOf(blocks: readonly Block[]): number[] {
  const known = STARTS.get(blocks) ?? blocks.map(({ start }) => start);
  STARTS.set(blocks, known);
  return known;
}

function median(blocks: readonly Block[]): number {
  return medianOf(blocks.map(({ price }) => price));
}

/** Ignores the newest of an even number, so that an old level lasts until most blocks have another one. */
function oddMedian(blocks: readonly Block[]): number {
  return median(blocks.length % 2 === 0 ? blocks.slice(0, -1) : blocks);
}

function medianByQuote(blocks: readonly Block[]): number {
  const sorted = blocks.toSorted((one, other) => one.price - other.price);
  const half = sorted.reduce((sum, { quote }) => sum + quote, 0) / 2;
  let sum = 0;
  for (const { price, quote } of sorted) {
    sum += quote;
    if (sum >= half) return price;
  }
  return Number.NaN;
}

function medianOf(prices: readonly number[]): number {
  const sorted = prices.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}

function present(price: number | undefined): number[] {
  return price === undefined ? [] : [price];
}
