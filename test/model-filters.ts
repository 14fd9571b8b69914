import { compareRatios, doubledMedian, doubledWeightedMedian, magnitude, type Ratio, total } from "./model-numbers.ts";
import { type ModelTrade, priceOf, type Venue, venuesOf, vwapOf } from "./model-trades.ts";

/** Returns whether a price is an outlier. */
export type OutlierTest = (price: bigint) => boolean;

export interface FilterRules {
  readonly method?: "sigma" | "mad";
  /** 0 is off. */
  readonly k: Ratio;
  /** Share of dropped quote volume above which trades are weighted by volume; 1 is off. */
  readonly maxDropped?: Ratio;
  /** Per cent; 0 is off. */
  readonly venueDeviation?: Ratio;
  /** USD per unit of the quote's currency; null where there is none, and then every venue has a vote. */
  readonly currencyRate?: Ratio | null;
  /** A venue with at least 1/100 of this volume has a vote. */
  readonly minUsd?: bigint;
}

const OFF: Ratio = [0n, 1n];
const ALL: Ratio = [1n, 1n];

/** Returns the outlier rule of the trades: by count, or by quote volume where the former would drop too much of it. */
export function outlierTest(trades: readonly ModelTrade[], rules: FilterRules): OutlierTest {
  const { method, k, maxDropped = ALL } = rules;
  if (trades.length < 3 || k[0] === 0n) return () => false;
  const priced = trades.map((trade) => ({ price: priceOf(trade), volume: trade.quote }));
  const by = method === "mad" ? byMad : bySigma;
  const byCount = by(
    priced.map(({ price }) => [price, 1n]),
    k,
  );
  const dropped = total(priced.filter(({ price }) => byCount(price)).map(({ volume }) => volume));
  if (dropped * maxDropped[1] <= maxDropped[0] * total(priced.map(({ volume }) => volume))) return byCount;
  const weightedPrices = priced.map(({ price, volume }) => [price, volume] as const);
  return method === "mad" ? byWeightedMad(weightedPrices, k) : by(weightedPrices, k);
}

type WeightedPrices = readonly (readonly [price: bigint, weight: bigint])[];

/** (W·p − Σw·p)² > k²·(W·Σw·p² − (Σw·p)²) */
function bySigma(prices: WeightedPrices, [up, down]: Ratio): OutlierTest {
  const weight = total(prices.map(([, w]) => w));
  const sum = total(prices.map(([price, w]) => w * price));
  const squares = total(prices.map(([price, w]) => w * price * price));
  return (price) => {
    const distance = weight * price - sum;
    return down * down * distance * distance > up * up * (weight * squares - sum * sum);
  };
}

function byMad(prices: WeightedPrices, k: Ratio): OutlierTest {
  return byDistanceFromMedian(
    prices.map(([price]) => price),
    k,
    (values) => doubledMedian(values),
  );
}

function byWeightedMad(prices: WeightedPrices, k: Ratio): OutlierTest {
  return byDistanceFromMedian(
    prices.map(([price]) => price),
    k,
    (values) => doubledWeightedMedian(values.map((value, index) => [value, prices[index]?.[1] ?? 0n])),
  );
}

/** |p − median| > k·1.4826·MAD, on doubled prices and deviations so that all figures are integers. */
function byDistanceFromMedian(
  prices: readonly bigint[],
  [up, down]: Ratio,
  twiceMiddleOf: (values: readonly bigint[]) => bigint,
): OutlierTest {
  const twiceMedian = twiceMiddleOf(prices);
  const twiceDeviation = (price: bigint) => magnitude(2n * price - twiceMedian);
  const fourMad = twiceMiddleOf(prices.map(twiceDeviation));
  // A MAD of 0 counts as a thousandth of the median.
  const [madUp, madDown] = fourMad === 0n ? [twiceMedian, 2000n] : [fourMad, 4n];
  return (price) => twiceDeviation(price) * down * 10_000n * madDown > 2n * up * 14_826n * madUp;
}

/** Returns whether a venue's price counts for the median. */
export function isVoter(
  { quote }: Pick<Venue, "quote">,
  { currencyRate = null, minUsd = 0n }: Pick<FilterRules, "currencyRate" | "minUsd">,
): boolean {
  return currencyRate === null || quote * currencyRate[0] * 100n >= minUsd * 10n ** 30n * currencyRate[1];
}

/**
 * Returns the venues near the median of three or more voters, or near one of fewer voters; without voters, all vote.
 */
export function venuesNear(
  prices: ReadonlyMap<string, Ratio>,
  [up, down]: Ratio,
  voters: readonly string[],
): ReadonlySet<string> {
  const venues = [...prices.keys()];
  if (up === 0n || venues.length < 3) return new Set(venues);
  // All prices are brought to a common denominator, so that they are integers.
  const common = [...prices.values()].reduce((product, [, denominator]) => product * denominator, 1n);
  const whole = new Map([...prices].map(([venue, [a, b]]) => [venue, (a * common) / b]));
  const votes = (voters.length === 0 ? venues : voters).map((venue) => whole.get(venue) ?? 0n);
  const doubledMedians = votes.length < 3 ? votes.map((vote) => 2n * vote) : [doubledMedian(votes)];
  const isNear = (price: bigint) =>
    doubledMedians.some((middle) => magnitude(2n * price - middle) * 100n * down <= up * middle);
  return new Set(venues.filter((venue) => isNear(whole.get(venue) ?? 0n)));
}

/**
 * Returns the trades of the venues that the venue rule keeps; a deviating venue is priced again without its outliers.
 */
export function withoutDeviatingVenues(trades: readonly ModelTrade[], rules: FilterRules): ModelTrade[] {
  const { venueDeviation = OFF } = rules;
  const of = (venue: string) => trades.filter(({ source }) => source === venue);
  const prices = new Map(venuesOf(trades).map((venue) => [venue.source, vwapOf([venue])]));
  const cleaned = new Set<string>();
  const voters = venuesOf(trades).filter((venue) => isVoter(venue, rules));
  const names = voters.map(({ source }) => source);
  for (;;) {
    const near = venuesNear(prices, venueDeviation, names);
    const odd = [...prices.keys()].filter((venue) => !near.has(venue) && !cleaned.has(venue));
    if (odd.length === 0) return trades.filter(({ source }) => near.has(source));
    for (const venue of odd) {
      const isOutlier = outlierTest(of(venue), rules);
      const inside = of(venue).filter((trade) => !isOutlier(priceOf(trade)));
      prices.set(venue, vwapOf(inside.length === 0 ? of(venue) : inside));
      cleaned.add(venue);
    }
  }
}

/** Returns whether a price differs from 1 by at most the given per cent. */
export function isNearPeg(price: Ratio, [up, down]: Ratio): boolean {
  return compareRatios([magnitude(price[0] - price[1]) * 100n, price[1]], [up, down]) <= 0;
}

/**
 * Returns Σ weight·quote / Σ weight·base with the largest venues capped to a share of the total, as few as necessary.
 */
export function priceOfVenues(all: readonly Venue[], weights: ReadonlyMap<string, bigint>, [up, down]: Ratio): Ratio {
  const venues = all
    .map(({ source, base, quote }) => {
      const weight = weights.get(source) ?? 100n;
      return { base: base * weight, quote: quote * weight };
    })
    .sort((a, b) => (a.quote < b.quote ? 1 : -1));
  const quotes = (some: typeof venues) => total(some.map(({ quote }) => quote));
  if (up === 0n) return [quotes(venues), total(venues.map(({ base }) => base))];
  for (let capped = 0; capped < venues.length; capped++) {
    const free = venues.slice(capped);
    // The uncapped parts have the share 1 − capped·cap; a capped part is `size` over the common denominator `rest`.
    const rest = down - BigInt(capped) * up;
    if (rest <= 0n) break;
    const size = quotes(free) * up;
    if (free.some(({ quote }) => quote * rest > size)) continue;
    const parts: Ratio[] = venues.map(({ base, quote }, index) =>
      index < capped ? [base * size, quote * rest] : [base, 1n],
    );
    const [baseUp, baseDown] = parts.reduce(([a, b], [c, d]): Ratio => [a * d + c * b, b * d]);
    const whole: Ratio = [quotes(free) * rest + BigInt(capped) * size, rest];
    return [whole[0] * baseDown, whole[1] * baseUp];
  }
  // With too few venues for the cap, all have the same share.
  const [up1, down1] = venues
    .map(({ base, quote }): Ratio => [base, quote])
    .reduce(([a, b], [c, d]): Ratio => [a * d + c * b, b * d]);
  return [BigInt(venues.length) * down1, up1];
}
