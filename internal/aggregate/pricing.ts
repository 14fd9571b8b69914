import type { Bucket } from "../canonical/bucket.ts";
import type { Decimal } from "../canonical/decimal.ts";
import type { Fraction } from "../canonical/fraction.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { DroppedTrades } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import { fxSources } from "../sources/registry.ts";
import { pairIdentity } from "./aliases.ts";
import { countedSources } from "./class-filter.ts";
import { type Computation, judge } from "./compute.ts";
import { expandPair, expansionOf } from "./expansion.ts";
import { checkFloor, leastVote, usdVolumeOf } from "./floor.ts";
import { bandAbout, guard } from "./guard.ts";
import type { LegMarket } from "./legs.ts";
import { type Measured, measure } from "./measure.ts";
import { once } from "./once.ts";
import { filterPegs, type PegFiltered } from "./pegs.ts";
import type { Policy } from "./policy.ts";
import type { PriceFilter, TradeReader } from "./reader.ts";
import { readRecentPrice } from "./recent-price.ts";
import { namedAssets, priceOfLegs } from "./routes.ts";
import type { StageReport } from "./stages.ts";
import { type Triangulation, triangulate } from "./triangulation.ts";
import { type UsdPrices, usdPricesOf } from "./usd-prices.ts";
import { isWithinFactor } from "./within-factor.ts";

export interface PricingOptions {
  /** How many raw trades may be pulled into the process; what exceeds it is done in the database, same answer. */
  readonly maxTrades: number;
  /** Told of every step of a pair's own computation, those of legs included. */
  readonly observe?: (pair: Pair, bucket: Bucket, report: StageReport) => void;
}

/** The two ways to a value. What several values need is computed once. */
export interface Pricing {
  /** The computation of a pair's own trades. */
  readonly own: (pair: Pair, bucket: Bucket) => Promise<Computation>;
  /** The way through other markets, for a pair whose own computation gave no value. */
  readonly throughOthers: (pair: Pair, bucket: Bucket, own: Computation) => Promise<Triangulation | null>;
  /** The price of the way through other markets, for a pair that its own trades give a value; null where there is none. */
  readonly priceAround: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  /** The stored pairs that a pair stands for in a bucket, and those that the peg rule leaves out. */
  readonly stored: (pair: Pair, bucket: Bucket) => Promise<PegFiltered>;
  /** What the filters leave of a pair's own trades, and which single prices of the bucket may be shown: no floor applies. */
  readonly shown: (pair: Pair, bucket: Bucket) => Promise<Shown>;
  /** The quote volume that has a vote in a bucket; see `leastVote`. */
  readonly leastVote: (pair: Pair, bucket: Bucket) => Promise<Decimal | null>;
  /** The price that the guard holds a bucket against; null where there is none, or the guard is off. */
  readonly recentPrice: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  /** When the last trade was that the class filter keeps; null where that is not known. */
  readonly lastTradeTime: (pair: Pair, bucket: Bucket) => Promise<Micros | null>;
}

/** See {@link Pricing.shown}. */
export interface Shown {
  readonly measured: Measured;
  readonly filter: PriceFilter;
}

const NOTHING_DROPPED: DroppedTrades = { class: 0, outlier: 0 };

/** Prices pairs from what the reader reads, for any buckets; values carry the names of `pairs`. */
export function pricingOf(
  reader: TradeReader,
  policy: Policy,
  pairs: readonly Pair[],
  { maxTrades, observe = () => {} }: PricingOptions,
): Pricing {
  const identities = new Map<Pair, string>();
  const identity = (pair: Pair): string => {
    const found = identities.get(pair) ?? pairIdentity(pair, policy.aliases);
    identities.set(pair, found);
    return found;
  };
  const extent = ({ from, to }: Bucket): string => `${from} ${to}`;
  const market = (pair: Pair, bucket: Bucket): string => `${identity(pair)} ${extent(bucket)}`;
  // A leg asks by other names than its value is published under.
  const names = new Map(pairs.map((pair) => [identity(pair), pair]));
  const nameOf = (pair: Pair): Pair => names.get(identity(pair)) ?? pair;
  const reporting = (pair: Pair, bucket: Bucket) => (report: StageReport) => observe(nameOf(pair), bucket, report);
  const counted = countedSources(policy);

  /** The stored pairs that a pair stands for in a bucket. */
  const stored = once(market, (pair: Pair, bucket: Bucket) =>
    filterPegs(expansionOf(pair, policy), policy, (peg) => pegPrice(peg, bucket)),
  );
  const measured = once(market, async (pair: Pair, bucket: Bucket) =>
    measure(reader, policy, await stored(pair, bucket), bucket, {
      maxTrades,
      observe: reporting(pair, bucket),
      currencyRate: () => usdPrices.ofCurrency(pair, bucket.to),
    }),
  );

  /** Without the proxy: in the market of a peg, other pegs would stand for the very currency that it is held against. */
  const pegPrice = once(market, async (peg: Pair, bucket: Bucket): Promise<Fraction | null> => {
    const { named } = expansionOf(peg, { ...policy, stablecoinProxy: false });
    const own = await measure(reader, policy, { kept: named, left: [] }, bucket, {
      maxTrades,
      observe: () => {},
      currencyRate: () => usdPrices.ofCurrency(peg, bucket.to),
    });
    const usdVolume = usdVolumeOf(own.quoteVolume, await usdPrices.ofCurrency(peg, bucket.to));
    return usdVolume !== null && checkFloor(usdVolume, policy) === null ? own.price : null;
  });

  const leastVoteOf = async (pair: Pair, { to }: Bucket): Promise<Decimal | null> =>
    leastVote(await usdPrices.ofCurrency(pair, to), policy);
  const recent = once(market, async (pair: Pair, bucket: Bucket): Promise<Fraction | null> => {
    if (policy.guardFactor.isZero()) return null;
    const { kept } = await stored(pair, bucket);
    const leastQuote = await leastVoteOf(pair, bucket);
    return readRecentPrice(reader, policy, { stored: kept, counted, leastQuote }, bucket);
  });

  const own = once(market, async (asked: Pair, bucket: Bucket): Promise<Computation> => {
    const pair = nameOf(asked);
    // What may be needed is asked for together with the rest, so that it takes no round trip of its own.
    recent(pair, bucket).catch(() => {});
    return judge(await measured(pair, bucket), policy, pair, bucket, {
      observe: reporting(pair, bucket),
      usdRate: () => usdPrices.ofQuote(pair, bucket),
      recentPrice: () => recent(pair, bucket),
    });
  });

  const fxRates = once(String, (to: Micros) => reader.fxRates(fxSources(policy.registry), to));
  const tradedPairs = once(extent, (bucket: Bucket) => reader.tradedPairs(bucket, namedAssets(policy, pairs), counted));
  const routes = (bucket: Bucket) => ({ fxRates: () => fxRates(bucket.to), tradedPairs: () => tradedPairs(bucket) });
  const usdPrices: UsdPrices = usdPricesOf(reader, policy, { measured, recent, own, routes });

  /** The market the other way round, where it has trades and they are withheld: else a pair without trades would hide why. */
  async function withheldInverted(pair: Pair, bucket: Bucket): Promise<Triangulation | null> {
    if (!policy.triangulation) return null;
    const market = { base: pair.quote, quote: pair.base };
    const stored = new Set(expandPair(market, policy).map(formatPair));
    if (!(await tradedPairs(bucket)).some((traded) => stored.has(formatPair(traded)))) return null;
    const inverted = await own(market, bucket);
    const isWithheld = inverted.value === null && inverted.counted > 0;
    return isWithheld ? { outcome: "withheld", market: nameOf(market), inverted } : null;
  }

  return {
    own,
    leastVote: leastVoteOf,
    priceAround: async (pair, bucket) => {
      const others = async (leg: Pair) =>
        identity(leg) === identity(pair) ? null : publishedMarket(await own(leg, bucket));
      const found = await triangulate({ ...routes(bucket), market: others }, policy, pair, bucket, NOTHING_DROPPED);
      return found?.outcome === "ok" ? priceOfLegs(found.legs) : null;
    },
    recentPrice: recent,
    stored,
    shown: async (pair, bucket) => {
      const [found, before] = await Promise.all([measured(pair, bucket), recent(pair, bucket)]);
      const { price, kept, outlierRule } = found;
      if (price === null) return { measured: found, filter: { rule: outlierRule, band: null } };
      // What it is worth matters only where the value needs a confirmation.
      const isNear = before === null || isWithinFactor(price, before, policy.guardFactor);
      const usdRate = isNear ? null : await usdPrices.ofQuote(nameOf(pair), bucket);
      const { about } = guard(price, kept, before, usdRate, policy);
      return { measured: found, filter: { rule: outlierRule, band: about && bandAbout(about, policy.guardFactor) } };
    },
    lastTradeTime: once(market, async (pair: Pair, bucket: Bucket) => {
      const { kept } = await stored(pair, bucket);
      return reader.lastTradeTime(kept, bucket, counted);
    }),
    throughOthers: async (pair, bucket, { dropped, refusal, counted }) => {
      // A way around would publish what the guard is to withhold.
      if (refusal === "guarded") return null;
      const published = async (leg: Pair) => publishedMarket(await own(leg, bucket));
      const found = await triangulate({ ...routes(bucket), market: published }, policy, pair, bucket, dropped);
      return found === null && counted === 0 ? withheldInverted(pair, bucket) : found;
    },
  };
}

function publishedMarket({ value, price, usdVolume, baseVolume, quoteVolume }: Computation): LegMarket | null {
  if (value === null || price === null) return null;
  const tradeCount = value.trade_count;
  return { price, usdVolume, baseVolume, quoteVolume, tradeCount, isPublishable: async () => true };
}
