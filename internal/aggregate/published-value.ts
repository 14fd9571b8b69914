import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import type { Computation, Refusal } from "./compute.ts";
import { withContracts } from "./contracts.ts";
import type { Policy } from "./policy.ts";
import { type Pricing, type PricingOptions, pricingOf } from "./pricing.ts";
import type { TradeReader } from "./reader.ts";
import type { Triangulation } from "./triangulation.ts";

/** What is published of a pair over a bucket, and what it comes from. */
export interface Published {
  readonly value: PublishedValue | null;
  /** Of the pair's own trades; where it has a value, that is what is published. */
  readonly own: Computation;
  /** Null where it was not needed, or there is no way. */
  readonly triangulation: Triangulation | null;
}

/**
 * Why there is no value: what withholds the pair's own trades or, where it has none, those of the market the other way round.
 * Null where there is one.
 */
export function refusalOf({ own, triangulation }: Pick<Published, "own" | "triangulation">): Refusal | null {
  return triangulation?.outcome === "withheld" ? triangulation.inverted.refusal : own.refusal;
}

/** What is published: the value of the pair's own trades where they pass, else one through other markets. */
export async function publishedBy(pricing: Pricing, pair: Pair, bucket: Bucket): Promise<Published> {
  const own = await pricing.own(pair, bucket);
  if (own.value !== null) return { value: own.value, own, triangulation: null };
  const triangulation = await pricing.throughOthers(pair, bucket, own);
  return { value: triangulation?.outcome === "ok" ? triangulation.value : null, own, triangulation };
}

/** {@link publishedBy} for one pair. The same trades and policy give the same bytes, wherever and whenever. */
export async function computePublished(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  options: PricingOptions,
): Promise<Published> {
  return publishedBy(pricingOf(reader, await withContracts(reader, policy, [pair]), [pair], options), pair, bucket);
}
