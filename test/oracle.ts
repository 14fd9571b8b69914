import {
  type FilterRules,
  isNearOne,
  type OutlierTest,
  ofNearVenues,
  outlierTest,
  priceOfVenues,
} from "./oracle-filters.ts";
import { type About, guard, isAbout, recentPrice, usdOf } from "./oracle-guard.ts";
import { compareRatios, halfEven, ONE, plain, type Ratio, SCALE, significant, time, total } from "./oracle-numbers.ts";
import { formsPrice, inOrder, type OracleTrade, priceOf, venuesOf } from "./oracle-trades.ts";

export { plain, type Ratio, significant } from "./oracle-numbers.ts";
export { type OracleTrade, priceOf } from "./oracle-trades.ts";

/**
 * What is published by the plain definition: row by row, in integers, with nothing of the program's own arithmetic. What is
 * optional is off where it is not said.
 */
export interface OracleQuestion extends FilterRules {
  readonly pair: string;
  readonly from: bigint;
  readonly to: bigint;
  /** Stored markets whose trades count, as `base/quote`; null for all trades there are. */
  readonly markets?: readonly string[] | null;
  /** Markets in what is pegged to the quote, each with the market that tells whether its peg holds. */
  readonly pegged?: readonly { readonly own: string; readonly markets: readonly string[] }[];
  /** How far a peg's own market may lie from 1, in per cent; 0 is off. */
  readonly pegTolerance?: Ratio;
  /** Sources that count, or null for all. */
  readonly counted: ReadonlySet<string> | null;
  /** By source, 100 where it is not said. */
  readonly weights?: ReadonlyMap<string, bigint>;
  /** The most that a source may make of the price, as a fraction; 0 is off. */
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

/** What comes of a bucket's trades. */
export interface OracleAnswer {
  /** The JSON line, or why nothing is published. */
  readonly value: string;
  /** The JSON line; null where the value is withheld, or no price stood for any time. */
  readonly twap: string | null;
  /** Not rounded; null where nothing is published. */
  readonly price: Ratio | null;
}

const OFF: Ratio = [0n, 1n];

/** The JSON line, or why nothing is published. */
export function oracleValue(trades: readonly OracleTrade[], question: OracleQuestion): string {
  return oracleAnswer(trades, question).value;
}

export function oracleAnswer(trades: readonly OracleTrade[], question: OracleQuestion): OracleAnswer {
  const { markets = null, pegged = [], usdRate, minUsd, guardFactor = OFF } = question;
  const left = pegged.filter((peg) => !holds(trades, peg.own, question)).flatMap((peg) => peg.markets);
  const ofPegs = pegged.flatMap((peg) => peg.markets).filter((market) => !left.includes(market));
  const ours = markets === null ? trades : trades.filter((trade) => [...markets, ...ofPegs].includes(marketOf(trade)));
  const measured = measure(ours, question);
  const { kept, price, dropped } = measured;
  const refused = (value: string): OracleAnswer => ({ value, twap: null, price: null });
  if (price === null) return refused("empty");
  const venues = venuesOf(kept);
  if (venues.length < (question.minSources ?? 1)) return refused("too-few-sources");
  const usd = usdRate && usdOf(total(kept.map(({ quote }) => quote)), usdRate);
  if (minUsd > 0n) {
    if (usd === null && question.refuseUnknown) return refused("unknown-usd-volume");
    if (usd !== null && compareRatios(usd, [minUsd, 1n]) < 0) return refused("below-floor");
  }
  const { venueDeviation = OFF, confirmations = 2, currencyRate = null } = question;
  const rules = { venueDeviation, guardFactor, confirmations, minUsd, currencyRate };
  const recent = guardFactor[0] === 0n ? null : recentPrice(ours.filter(isCounted(question)), question, rules);
  const { withheld, about } = guard(price, venues, recent, usdRate, rules);
  if (withheld) return refused("guarded");
  const ofLeft = trades.filter((trade) => left.includes(marketOf(trade)) && isInside(trade, question)).length;
  const value = published(question, measured, price, usd, { ...dropped, ...(ofLeft === 0 ? {} : { peg: ofLeft }) });
  return { value, twap: timeWeighted(ours, question, measured, about), price };
}

interface Measured {
  readonly kept: readonly OracleTrade[];
  readonly isOutlier: OutlierTest;
  /** Null where nothing is kept. */
  readonly price: Ratio | null;
  readonly dropped: { readonly class: number; readonly outlier: number; readonly venue?: number };
}

/** Class, venues and outliers, in this order. */
function measure(trades: readonly OracleTrade[], question: OracleQuestion): Measured {
  const inWindow = trades.filter((trade) => isInside(trade, question));
  const ofClass = inWindow.filter(isCounted(question));
  const ofVenues = ofNearVenues(ofClass, question);
  const isOutlier = outlierTest(ofVenues, question);
  const kept = ofVenues.filter((trade) => !isOutlier(priceOf(trade)));
  const { weights = new Map(), maxShare = OFF } = question;
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

/** Whether a peg's own market is near 1, or not worth enough to tell. */
function holds(trades: readonly OracleTrade[], market: string, question: OracleQuestion): boolean {
  const { usdRate, minUsd, pegTolerance = OFF } = question;
  if (pegTolerance[0] === 0n) return true;
  const own = trades.filter((trade) => marketOf(trade) === market);
  const { kept, price } = measure(own, question);
  if (price === null || usdRate === null) return true;
  const usd = usdOf(total(kept.map(({ quote }) => quote)), usdRate);
  return compareRatios(usd, [minUsd, 1n]) < 0 || isNearOne(price, pegTolerance);
}

function published(
  { pair, from, to, policy }: OracleQuestion,
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

/** Each price stands until the next one or the end, the last one before the bucket from its start. */
function timeWeighted(
  trades: readonly OracleTrade[],
  { pair, from, to, guardFactor = OFF, carry = 0n, policy }: OracleQuestion,
  { kept, isOutlier }: Measured,
  about: About,
): string | null {
  const sources = new Set(kept.map(({ source }) => source));
  const shown = trades
    .filter((trade) => sources.has(trade.source) && formsPrice(trade) && !isOutlier(priceOf(trade)))
    .filter((trade) => isAbout([priceOf(trade), ONE], about, guardFactor))
    .sort(inOrder);
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

function isInside({ ts }: OracleTrade, { from, to }: Pick<OracleQuestion, "from" | "to">): boolean {
  return from <= ts && ts < to;
}

function isCounted({ counted }: OracleQuestion): (trade: OracleTrade) => boolean {
  return ({ source }) => counted === null || counted.has(source);
}

function marketOf({ market }: OracleTrade): string {
  return `${market?.base}/${market?.quote}`;
}
