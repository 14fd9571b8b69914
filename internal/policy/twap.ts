import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, dividePublished, formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { publishedBucket } from "../canonical/published.ts";
import { type Computation, shownPrices } from "./compute.ts";
import type { Policy } from "./policy.ts";
import type { TimeWeightedSums, TradeReader } from "./reader.ts";

/** Returns TWAP = Σ price·Δt / Σ Δt, rounded half-even to 18 significant digits; null where Σ Δt is 0. */
export function timeWeightedPrice({ weightedSum, duration }: TimeWeightedSums): Decimal | null {
  return duration === 0n ? null : dividePublished(weightedSum, parseDecimal(duration.toString()));
}

/**
 * Returns the TWAP of a bucket as one line of JSON, over the trades whose single prices may be shown. Each price is in
 * effect until the next one or the bucket's end; the last price before the bucket is in effect from its start. Null
 * where the pair's own trades give no value or no price is in effect for any time.
 */
export async function computeTwap(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  own: Computation,
): Promise<string | null> {
  if (own.value === null) return null;
  const sums = await reader.timeWeighted(own.pairs, bucket, {
    sources: own.kept.map(({ source }) => source),
    filter: shownPrices(own, policy),
    carrySeconds: policy.twapCarrySeconds,
  });
  return twapText(policy, pair, bucket, sums);
}

/** Returns the published form of a TWAP, one line of JSON; null where no price is in effect for any time. */
export function twapText(
  { id }: Pick<Policy, "id">,
  pair: Pair,
  bucket: Bucket,
  sums: TimeWeightedSums,
): string | null {
  const price = timeWeightedPrice(sums);
  if (price === null) return null;
  return JSON.stringify({
    ...publishedBucket(pair, bucket),
    price: formatDecimal(price),
    trade_count: sums.tradeCount,
    policy: id,
  });
}
