import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import type { Refusal } from "../canonical/withheld.ts";
import type { Computation } from "./compute.ts";
import { resolveContracts } from "./contracts.ts";
import type { Policy } from "./policy.ts";
import { type Pricing, type PricingOptions, pricingOf } from "./pricing.ts";
import type { TradeReader } from "./reader.ts";
import type { Triangulation } from "./routes/triangulation.ts";

/** The published value of a pair over a bucket, with the computations behind it. */
export interface Published {
  readonly value: PublishedValue | null;
  /** The computation from the pair's own trades; its value, if there is one, is published. */
  readonly own: Computation;
  /** Null where it was not needed or there is no chain and no route. */
  readonly triangulation: Triangulation | null;
}

/**
 * Returns why there is no value: the refusal of the pair's own trades or, where it has none, of the inverted market.
 * Null where there is a value.
 */
export function refusalOf({ own, triangulation }: Pick<Published, "own" | "triangulation">): Refusal | null {
  return triangulation?.outcome === "withheld" ? triangulation.inverted.refusal : own.refusal;
}

/** Returns the value of the pair's own trades if they pass the checks, else the triangulated value. */
export async function publishedBy(pricing: Pricing, pair: Pair, bucket: Bucket): Promise<Published> {
  const own = await pricing.own(pair, bucket);
  if (own.value !== null) return { value: own.value, own, triangulation: null };
  const triangulation = await pricing.triangulation(pair, bucket, own);
  return { value: triangulation?.outcome === "ok" ? triangulation.value : null, own, triangulation };
}

/** {@link publishedBy} for one pair. Deterministic: the same trades and policy give the same bytes. */
export async function computePublished(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  options: PricingOptions,
): Promise<Published> {
  return publishedBy(pricingOf(reader, await resolveContracts(reader, policy, [pair]), [pair], options), pair, bucket);
}
