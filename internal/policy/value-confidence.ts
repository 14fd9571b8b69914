import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { publishedBucket } from "../canonical/published.ts";
import type { Computation } from "./compute.ts";
import { type Confidence, confidenceOf } from "./confidence.ts";
import type { Policy } from "./policy.ts";
import type { Pricing } from "./pricing.ts";
import type { Published } from "./published-value.ts";

/**
 * Returns the confidence of a published value; of a triangulated value, the lowest confidence of its legs. Null where
 * nothing is published or all legs are exchange rates.
 */
export async function confidenceOfPublished(
  policy: Policy,
  pricing: Pricing,
  pair: Pair,
  bucket: Bucket,
  { value, own, triangulation }: Published,
): Promise<Confidence | null> {
  const ofMarket = async (market: Pair, computation: Computation): Promise<Confidence | null> => {
    if (computation.value === null) return null;
    const lastTrade = await pricing.lastTradeTime(market, bucket);
    return confidenceOf(policy, computation.value, bucket, computation, lastTrade);
  };
  if (value === null) return null;
  if (triangulation?.outcome !== "ok") return ofMarket(pair, own);
  const markets = triangulation.legs.flatMap(({ market }) => market ?? []);
  const legs = await Promise.all(markets.map(async (market) => ofMarket(market, await pricing.own(market, bucket))));
  const [first = null, ...others] = legs.flatMap((leg) => leg ?? []);
  const weakest = others.reduce((lowest, leg) => (lowest && leg.confidence < lowest.confidence ? leg : lowest), first);
  if (weakest === null) return null;
  const { confidence, pair: leg, factors } = weakest;
  return {
    ...publishedBucket(pair, bucket),
    confidence,
    weakest_leg: leg,
    factors,
    policy: policy.id,
  };
}
