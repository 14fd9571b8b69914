import type { Bucket } from "../canonical/bucket.ts";
import type { Decimal } from "../canonical/decimal.ts";
import type { Fraction } from "../canonical/fraction.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import type { DroppedTrades } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import { memoize } from "../lib/memoize.ts";
import { pairIdentity } from "./aliases.ts";
import { countedSources } from "./class-filter.ts";
import { type Computation, computeValue } from "./compute.ts";
import { expandPair, expansionOf } from "./expansion.ts";
import { checkFloor, minVotingVolume, usdVolumeOf } from "./floor.ts";
import { bandAround, guard } from "./guard.ts";
import { type Measured, measure } from "./measure.ts";
import { filterPegs, type PegFiltered } from "./pegs.ts";
import type { Policy } from "./policy.ts";
import type { PriceFilter, TradeReader } from "./reader.ts";
import { readRecentPrice } from "./recent-price.ts";
import { fxSources } from "./registry.ts";
import type { LegMarket } from "./routes/legs.ts";
import { namedAssets, priceOfLegs } from "./routes/routes.ts";
import { type Triangulation, triangulate } from "./routes/triangulation.ts";
import { type UsdPrices, usdPricesOf } from "./routes/usd-prices.ts";
import type { StageReport } from "./stages.ts";
import { isWithinFactor } from "./within-factor.ts";

export interface PricingOptions {
  /**
   * Maximum number of outliers to load one by one (at most 100), to be named in the log; it never affects a value.
   */
  readonly maxTrades: number;
  /** Called for every step of the computation of a pair or of a leg. */
  readonly observe?: (pair: Pair, bucket: Bucket, report: StageReport) => void;
}

/** Computes values from own trades or by triangulation. All results are memoized per pair and bucket. */
export interface Pricing {
  /** Returns the computation from a pair's own trades. */
  readonly own: (pair: Pair, bucket: Bucket) => Promise<Computation>;
  /** Returns the triangulation of a pair whose own trades give no value; null where there is none. */
  readonly triangulation: (pair: Pair, bucket: Bucket, own: Computation) => Promise<Triangulation | null>;
  /** Returns the triangulated price of a pair that has a value of its own, for comparison; null where there is none. */
  readonly triangulatedPrice: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  /** Returns the stored pairs that count for a pair in a bucket, and those that the peg rule excludes. */
  readonly stored: (pair: Pair, bucket: Bucket) => Promise<PegFiltered>;
  /**
   * Returns the filtered trades of a pair and the filter for the bucket's single prices. The volume floor does not
   * apply.
   */
  readonly shown: (pair: Pair, bucket: Bucket) => Promise<Shown>;
  /** Returns the minimum quote volume that has a vote in a bucket; see `minVotingVolume`. */
  readonly minVotingVolume: (pair: Pair, bucket: Bucket) => Promise<Decimal | null>;
  /** Returns the recent price that the guard compares a bucket with; null where there is none or the guard is off. */
  readonly recentPrice: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  /** Returns the time of the last trade that passes the class filter; null where unknown. */
  readonly lastTradeTime: (pair: Pair, bucket: Bucket) => Promise<Micros | null>;
}

/** See {@link Pricing.shown}. */
export interface Shown {
  readonly measured: Measured;
  readonly filter: PriceFilter;
}

const NOTHING_DROPPED: DroppedTrades = { class: 0, outlier: 0 };

/** Makes a {@link Pricing} on one reader, for any buckets; values are published under the names of `pairs`. */
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
  // Legs use primary names; values are published under the configured names.
  const names = new Map(pairs.map((pair) => [identity(pair), pair]));
  const nameOf = (pair: Pair): Pair => names.get(identity(pair)) ?? pair;
  const reporting = (pair: Pair, bucket: Bucket) => (report: StageReport) => observe(nameOf(pair), bucket, report);
  const counted = countedSources(policy);

  const stored = memoize(market, (pair: Pair, bucket: Bucket) =>
    filterPegs(expansionOf(pair, policy), policy, (peg) => pegPrice(peg, bucket)),
  );
  const measured = memoize(market, async (pair: Pair, bucket: Bucket) =>
    measure(reader, policy, await stored(pair, bucket), bucket, {
      maxTrades,
      observe: reporting(pair, bucket),
      currencyRate: () => usdPrices.ofCurrency(pair, bucket.to),
    }),
  );

  /**
   * Runs without the stablecoin proxy, which would replace the currency in a peg's own market by other pegged assets.
   */
  const pegPrice = memoize(market, async (peg: Pair, bucket: Bucket): Promise<Fraction | null> => {
    const { named } = expansionOf(peg, { ...policy, stablecoinProxy: false });
    const own = await measure(reader, policy, { kept: named, excluded: [] }, bucket, {
      maxTrades,
      observe: () => {},
      currencyRate: () => usdPrices.ofCurrency(peg, bucket.to),
    });
    const usdVolume = usdVolumeOf(own.quoteVolume, await usdPrices.ofCurrency(peg, bucket.to));
    return usdVolume !== null && checkFloor(usdVolume, policy) === null ? own.price : null;
  });

  const minVotingVolumeOf = async (pair: Pair, { to }: Bucket): Promise<Decimal | null> =>
    minVotingVolume(await usdPrices.ofCurrency(pair, to), policy);
  const recent = memoize(market, async (pair: Pair, bucket: Bucket): Promise<Fraction | null> => {
    if (policy.guardFactor.isZero()) return null;
    const { kept } = await stored(pair, bucket);
    const minQuoteVolume = await minVotingVolumeOf(pair, bucket);
    return readRecentPrice(reader, policy, { stored: kept, counted, minQuoteVolume }, bucket);
  });

  const own = memoize(market, async (asked: Pair, bucket: Bucket): Promise<Computation> => {
    const pair = nameOf(asked);
    // Prefetched, so that it is read in one round trip with the rest.
    recent(pair, bucket).catch(() => {});
    return computeValue(await measured(pair, bucket), policy, pair, bucket, {
      observe: reporting(pair, bucket),
      usdRate: () => usdPrices.ofQuote(pair, bucket),
      recentPrice: () => recent(pair, bucket),
    });
  });

  const fxRates = memoize(String, (to: Micros) => reader.fxRates(fxSources(policy.registry), to));
  const tradedPairs = memoize(extent, (bucket: Bucket) =>
    reader.tradedPairs(bucket, namedAssets(policy, pairs), counted),
  );
  const routes = (bucket: Bucket) => ({ fxRates: () => fxRates(bucket.to), tradedPairs: () => tradedPairs(bucket) });
  const usdPrices: UsdPrices = usdPricesOf(reader, policy, { measured, recent, own, routes });

  /** Returns the inverted market if it has trades and its value is withheld, so that the pair reports that refusal. */
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
    minVotingVolume: minVotingVolumeOf,
    triangulatedPrice: async (pair, bucket) => {
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
      // The USD rate is needed only where the value needs a confirmation.
      const isNear = before === null || isWithinFactor(price, before, policy.guardFactor);
      const usdRate = isNear ? null : await usdPrices.ofQuote(nameOf(pair), bucket);
      const { guardRange } = guard(price, kept, before, usdRate, policy);
      return {
        measured: found,
        filter: { rule: outlierRule, band: guardRange && bandAround(guardRange, policy.guardFactor) },
      };
    },
    lastTradeTime: memoize(market, async (pair: Pair, bucket: Bucket) => {
      const { kept } = await stored(pair, bucket);
      return reader.lastTradeTime(kept, bucket, counted);
    }),
    triangulation: async (pair, bucket, { dropped, refusal, counted }) => {
      // Triangulation must not bypass the guard.
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
