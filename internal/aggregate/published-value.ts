import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { fxSources } from "../sources/registry.ts";
import { pairIdentity } from "./aliases.ts";
import { countedSources } from "./class-filter.ts";
import { type Computation, type ComputeOptions, computeValue } from "./compute.ts";
import { once } from "./once.ts";
import type { Policy } from "./policy.ts";
import type { TradeReader } from "./reader.ts";
import { namedAssets, type RouteReader } from "./routes.ts";
import { type Triangulation, triangulate } from "./triangulation.ts";

/** What is published of a pair over a bucket, and what it comes from. */
export interface Published {
  readonly value: PublishedValue | null;
  /** Of the pair's own trades; where it has a value, that is what is published. */
  readonly own: Computation;
  /** Null where it was not needed, or there is no way. */
  readonly triangulation: Triangulation | null;
}

/**
 * What the aggregator publishes of a pair over a bucket: the value of its own trades where they pass, else one through
 * other markets. The same trades and policy give the same bytes.
 */
export async function computePublished(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  options: ComputeOptions,
): Promise<Published> {
  const own = await computeValue(reader, policy, pair, bucket, options);
  if (own.value !== null) return { value: own.value, own, triangulation: null };
  const { maxTrades } = options;
  const routes: RouteReader = {
    own: once(
      (leg: Pair) => pairIdentity(leg, policy.aliases),
      (leg: Pair) => computeValue(reader, policy, leg, bucket, { maxTrades }),
    ),
    fxRates: once(
      () => "",
      () => reader.fxRates(fxSources(policy.registry), bucket.to),
    ),
    tradedPairs: () => reader.tradedPairs(bucket, namedAssets(policy, [pair]), countedSources(policy)),
  };
  const triangulation = await triangulate(routes, policy, pair, bucket, own.dropped);
  return { value: triangulation?.outcome === "ok" ? triangulation.value : null, own, triangulation };
}
