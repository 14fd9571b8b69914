import {
  type FilterRules,
  isNearPeg,
  type OutlierTest,
  outlierTest,
  priceOfVenues,
  withoutDeviatingVenues,
} from "./model-filters.ts";
import { type GuardRange, guard, isInGuardBand, recentPrice, usdOf } from "./model-guard.ts";
import { compareRatios, halfEven, ONE, plain, type Ratio, SCALE, significant, time, total } from "./model-numbers.ts";
import { compareTrades, formsPrice, type ModelTrade, priceOf, venuesOf } from "./model-trades.ts";

export { plain, type Ratio, significant } from "./model-numbers.ts";
export { type ModelTrade, priceOf } from "./model-trades.ts";

/**
 * A query of the model, which computes published values by the plain definition: row by row, in integers, without the
 * program's own arithmetic. Omitted options are off.
 */
export interface ModelQuery extends FilterRules {
  readonly pair: string;
  readonly from: bigint;
  readonly to: bigint;
  /** Stored markets whose trades count, as `base/quote`; null for all trades. */
  readonly markets?: readonly string[] | null;
  /** Markets whose quote is pegged to the quote, each with the market whose price shows whether the peg holds. */
  readonly pegged?: readonly { readonly own: string; readonly markets: readonly string[] }[];
  /** Maximum distance of a peg's own market from 1, in per cent; 0 is off. */
  readonly pegTolerance?: Ratio;
  /** Sources that count, or null for all. */
  readonly counted: ReadonlySet<string> | null;
  /** Weights by source; 100 by default. */
  readonly weights?: ReadonlyMap<string, bigint>;
  /** Maximum share of a source in the price, as a fraction; 0 is off. */
  readonly maxShare?: Ratio;
  readonly minSources?: number;
  /** USD per unit of quote as a fraction, or null where it is unknown. */
  readonly usdRate: Ratio | null;
  readonly minUsd: bigint;
  readonly refuseUnknown: boolean;
  readonly guardFactor?: Ratio;
  readonly confirmations?: number;
  /** Microseconds. */
  readonly carry?: bigint;
  readonly policy: string;
}

/** The model's result for a bucket. */
export interface ModelResult {
  /** The JSON line, or why nothing is published. */
  readonly value: string;
  /** The JSON line; null where the value is withheld or no price is in effect for any time. */
  readonly twap: string | null;
  /** Unrounded; null where nothing is published. */
  readonly price: Ratio | null;
}

const OFF: Ratio = [0n, 1n];

/** Returns the JSON line, or why nothing is published. */
export function modelValue(trades: readonly ModelTrade[], query: ModelQuery): string {
  return modelResult(trades, query).value;
}

export function modelResult(trades: readonly ModelTrade[], query: ModelQuery): ModelResult {
  const { markets = null, pegged = [], usdRate, minUsd, guardFactor = OFF } = query;
  const left = pegged.filter((peg) => !holds(trades, peg.own, query)).flatMap((peg) => peg.markets);
  const ofPegs = pegged.flatMap((peg) => peg.markets).filter((market) => !left.includes(market));
  const ours = markets === null ? trades : trades.filter((trade) => [...markets, ...ofPegs].includes(marketOf(trade)));
  const measured = measure(ours, query);
  const { kept, price, dropped } = measured;
  const refused = (value: string): ModelResult => ({ value, twap: null, price: null });
  if (price === null) return refused("empty");
  const venues = venuesOf(kept);
  if (venues.length < (query.minSources ?? 1)) return refused("too-few-sources");
  const usd = usdRate && usdOf(total(kept.map(({ quote }) => quote)), usdRate);
  if (minUsd > 0n) {
    if (usd === null && query.refuseUnknown) return refused("unknown-usd-volume");
    if (usd !== null && compareRatios(usd, [minUsd, 1n]) < 0) return refused("below-floor");
  }
  const { venueDeviation = OFF, confirmations = 2, currencyRate = null } = query;
  const rules = { venueDeviation, guardFactor, confirmations, minUsd, currencyRate };
  const recent = guardFactor[0] === 0n ? null : recentPrice(ours.filter(isCounted(query)), query, rules);
  const { withheld, guardRange } = guard(price, venues, recent, usdRate, rules);
  if (withheld) return refused("guarded");
  const ofLeft = trades.filter((trade) => left.includes(marketOf(trade)) && isInside(trade, query)).length;
  const value = published(query, measured, price, usd, { ...dropped, ...(ofLeft === 0 ? {} : { peg: ofLeft }) });
  return { value, twap: timeWeighted(ours, query, measured, guardRange), price };
}

interface Measured {
  readonly kept: readonly ModelTrade[];
  readonly isOutlier: OutlierTest;
  /** Null where nothing is kept. */
  readonly price: Ratio | null;
  readonly dropped: { readonly class: number; readonly outlier: number; readonly venue?: number };
}

/** Applies class filter, venue rule and outlier filter, in this order. */
function measure(trades: readonly ModelTrade[], query: ModelQuery): Measured {
  const inWindow = trades.filter((trade) => isInside(trade, query));
  const ofClass = inWindow.filter(isCounted(query));
  const ofVenues = withoutDeviatingVenues(ofClass, query);
  const isOutlier = outlierTest(ofVenues, query);
  const kept = ofVenues.filter((trade) => !isOutlier(priceOf(trade)));
  const { weights = new Map(), maxShare = OFF } = query;
  const venues = ofClass.length - ofVenues.length;
  return {
    kept,
    isOutlier,
    price: kept.length === 0 ? null : priceOfVenues(venuesOf(kept), weights, maxShare),
    dropped: {
      class: inWindow.length - ofClass.length,
      outlier: ofVenues.length - kept.length,
      ...(venues === 0 ? {} : { venue: venues }),
    },
  };
}

/** Returns whether a peg's own market is near 1, or its volume is too low to decide. */
function holds(trades: readonly ModelTrade[], market: string, query: ModelQuery): boolean {
  const { usdRate, minUsd, pegTolerance = OFF } = query;
  if (pegTolerance[0] === 0n) return true;
  const own = trades.filter((trade) => marketOf(trade) === market);
  const { kept, price } = measure(own, query);
  if (price === null || usdRate === null) return true;
  const usd = usdOf(total(kept.map(({ quote }) => quote)), usdRate);
  return compareRatios(usd, [minUsd, 1n]) < 0 || isNearPeg(price, pegTolerance);
}

function published(
  { pair, from, to, policy }: ModelQuery,
  { kept }: Measured,
  price: Ratio,
  usd: Ratio | null,
  dropped: object,
): string {
  const quote = total(kept.map((trade) => trade.quote));
  return JSON.stringify({
    ...bucketOf(pair, from, to),
    price: significant(...price, 18),
    base_volume: plain(total(kept.map((trade) => trade.base)), SCALE),
    quote_volume: plain(quote, SCALE),
    usd_volume: usd === null ? null : significant(usd[0], usd[1], 18),
    trade_count: kept.length,
    sources: venuesOf(kept).map((venue) => ({
      source: venue.source,
      trade_count: kept.filter(({ source }) => source === venue.source).length,
      base_volume: plain(venue.base, SCALE),
      quote_volume: plain(venue.quote, SCALE),
      share: plain(halfEven(venue.quote * 10n ** 6n, quote), 6n),
    })),
    dropped,
    policy,
  });
}

/** Each price is in effect until the next one or the end; the last one before the bucket from its start. */
function timeWeighted(
  trades: readonly ModelTrade[],
  { pair, from, to, guardFactor = OFF, carry = 0n, policy }: ModelQuery,
  { kept, isOutlier }: Measured,
  guardRange: GuardRange,
): string | null {
  const sources = new Set(kept.map(({ source }) => source));
  const shown = trades
    .filter((trade) => sources.has(trade.source) && formsPrice(trade) && !isOutlier(priceOf(trade)))
    .filter((trade) => isInGuardBand([priceOf(trade), ONE], guardRange, guardFactor))
    .sort(compareTrades);
  const inside = shown.filter((trade) => isInside(trade, { from, to }));
  const before = carry === 0n ? undefined : shown.findLast(({ ts }) => from - carry <= ts && ts < from);
  const standing = [...(before === undefined ? [] : [{ ...before, ts: from }]), ...inside];
  const [first] = standing;
  if (first === undefined) return null;
  const weighted = total(standing.map((trade, index) => priceOf(trade) * ((standing[index + 1]?.ts ?? to) - trade.ts)));
  return JSON.stringify({
    ...bucketOf(pair, from, to),
    price: significant(weighted, ONE * (to - first.ts), 18),
    trade_count: inside.length,
    policy,
  });
}

function bucketOf(pair: string, from: bigint, to: bigint) {
  return { pair, window_seconds: Number((to - from) / 1_000_000n), from: time(from), to: time(to) };
}

function isInside({ ts }: ModelTrade, { from, to }: Pick<ModelQuery, "from" | "to">): boolean {
  return from <= ts && ts < to;
}

function isCounted({ counted }: ModelQuery): (trade: ModelTrade) => boolean {
  return ({ source }) => counted === null || counted.has(source);
}

function marketOf({ market }: ModelTrade): string {
  return `${market?.base}/${market?.quote}`;
}
