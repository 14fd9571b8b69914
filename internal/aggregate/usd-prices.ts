import type { Asset } from "../canonical/asset.ts";
import type { Bucket } from "../canonical/bucket.ts";
import { type Fraction, fractionOf, ONE, over } from "../canonical/fraction.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { fxSources } from "../sources/registry.ts";
import { chiefName } from "./aliases.ts";
import type { Computation } from "./compute.ts";
import { isUsd, quoteCurrency, USD, usdRateOf, usdVolumeOf } from "./floor.ts";
import { guard } from "./guard.ts";
import type { LegMarket } from "./legs.ts";
import type { Measured } from "./measure.ts";
import { once } from "./once.ts";
import type { Policy } from "./policy.ts";
import { countOf, type TradeReader } from "./reader.ts";
import type { RouteReader } from "./routes.ts";
import { priceThroughOthers } from "./triangulation.ts";

/** What a quote volume is worth. Null where it is not known. */
export interface UsdPrices {
  /** USD per unit of the pair's quote: 1:1, an exchange rate, or the quote's own USD price of the bucket. */
  readonly ofQuote: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  /** USD per unit of the currency that the pair's quote is or is pegged to; null as well where it is none. */
  readonly ofCurrency: (pair: Pair, at: Micros) => Promise<Fraction | null>;
}

/** What USD prices are made of; each is computed once. */
export interface UsdPriceSources {
  readonly measured: (pair: Pair, bucket: Bucket) => Promise<Measured>;
  readonly recent: (pair: Pair, bucket: Bucket) => Promise<Fraction | null>;
  readonly own: (pair: Pair, bucket: Bucket) => Promise<Computation>;
  readonly routes: (bucket: Bucket) => Omit<RouteReader, "market">;
}

/** Values quotes in USD, by the policy. */
export function usdPricesOf(reader: TradeReader, policy: Policy, sources: UsdPriceSources): UsdPrices {
  const { measured, recent, own, routes } = sources;

  async function ofCurrency(pair: Pair, at: Micros): Promise<Fraction | null> {
    const currency = quoteCurrency(pair, policy);
    if (currency === null) return null;
    if (isUsd(currency)) return ONE;
    const quote = await reader.fxQuote(currency, fxSources(policy.registry), at);
    return quote === null ? null : usdRateOf(quote);
  }

  /** A market on the way to a USD price. It is valued by that way: the price of its quote may need the one looked for. */
  async function marketOnTheWay(pair: Pair, bucket: Bucket): Promise<LegMarket | null> {
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

  /** The price of the asset's own market in USD, else the price by the route that triangulation would take. */
  const ofAsset = once(
    (asset: Asset, { from, to }: Bucket) => `${asset} ${from} ${to}`,
    async (asset: Asset, bucket: Bucket): Promise<Fraction | null> => {
      const pair = { base: asset, quote: USD };
      const { value, price, refusal } = await own(pair, bucket);
      if (value !== null) return price;
      if (refusal === "guarded") return null;
      const market = (leg: Pair) => marketOnTheWay(leg, bucket);
      return priceThroughOthers({ ...routes(bucket), market }, policy, pair);
    },
  );

  return {
    ofCurrency,
    ofQuote: async (pair, bucket) =>
      quoteCurrency(pair, policy) === null
        ? ofAsset(chiefName(pair.quote, policy.aliases), bucket)
        : ofCurrency(pair, bucket.to),
  };
}
