import type { Asset } from "../../canonical/asset.ts";
import type { Bucket } from "../../canonical/bucket.ts";
import { type Fraction, fractionOf, ONE, over } from "../../canonical/fraction.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import { memoize } from "../../lib/memoize.ts";
import { primaryName } from "../aliases.ts";
import type { Computation } from "../compute.ts";
import { isUsd, quoteCurrency, USD, usdRateOf, usdVolumeOf } from "../floor.ts";
import { guard } from "../guard.ts";
import type { Measured } from "../measure.ts";
import type { Policy } from "../policy.ts";
import { countOf, type TradeReader } from "../reader.ts";
import { fxSources } from "../registry.ts";
import type { LegMarket } from "./legs.ts";
import type { RouteReader } from "./routes.ts";
import { routePrice } from "./triangulation.ts";

/** USD rates for valuing quote volumes; null where unknown. */
export interface UsdPrices {
  /**
   * Returns USD per unit of the pair's quote: 1 for USD, an exchange rate, or the quote's own USD price in the bucket.
   */
  readonly ofQuote: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  /** Returns USD per unit of the currency that the pair's quote is or is pegged to; null also where it is neither. */
  readonly ofCurrency: (pair: Pair, at: Micros) => Promise<Fraction | null>;
}

/** The memoized computations that USD prices are made of. */
export interface UsdPriceSources {
  readonly measured: (pair: Pair, bucket: Bucket) => Promise<Measured>;
  readonly recent: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  readonly own: (pair: Pair, bucket: Bucket) => Promise<Computation>;
  readonly routes: (bucket: Bucket) => Omit<RouteReader, "market">;
}

/** Makes the USD rates of quotes under the policy. */
export function usdPricesOf(reader: TradeReader, policy: Policy, sources: UsdPriceSources): UsdPrices {
  const { measured, recent, own, routes } = sources;

  async function ofCurrency(pair: Pair, at: Micros): Promise<Fraction | null> {
    const currency = quoteCurrency(pair, policy);
    if (currency === null) return null;
    if (isUsd(currency)) return ONE;
    const quote = await reader.fxQuote(currency, fxSources(policy.registry), at);
    return quote === null ? null : usdRateOf(quote);
  }

  /**
   * Returns a market as a leg to USD. Its volume is valued along the route, because its quote's own price may need this
   * one.
   */
  async function legMarket(pair: Pair, bucket: Bucket): Promise<LegMarket | null> {
    const { price, kept, baseVolume, quoteVolume } = await measured(pair, bucket);
    if (price === null || kept.length < policy.minSources) return null;
    return {
      price,
      usdVolume: usdVolumeOf(quoteVolume, await ofCurrency(pair, bucket.to)),
      baseVolume,
      quoteVolume,
      tradeCount: countOf(kept),
      isPublishable: async (usdVolume) => {
        const rate = usdVolume && over(usdVolume, fractionOf(quoteVolume));
        return !guard(price, kept, await recent(pair, bucket), rate, policy).withheld;
      },
    };
  }

  /** Returns the price of the asset's own market in USD, else the price of the route that triangulation would take. */
  const ofAsset = memoize(
    (asset: Asset, { from, to }: Bucket) => `${asset} ${from} ${to}`,
    async (asset: Asset, bucket: Bucket): Promise<Fraction | null> => {
      const pair = { base: asset, quote: USD };
      const { value, price, refusal } = await own(pair, bucket);
      if (value !== null) return price;
      if (refusal === "guarded") return null;
      const market = (leg: Pair) => legMarket(leg, bucket);
      return routePrice({ ...routes(bucket), market }, policy, pair);
    },
  );

  return {
    ofCurrency,
    ofQuote: async (pair, bucket) =>
      quoteCurrency(pair, policy) === null
        ? ofAsset(primaryName(pair.quote, policy.aliases), bucket)
        : ofCurrency(pair, bucket.to),
  };
}
