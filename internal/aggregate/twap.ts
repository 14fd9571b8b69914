import type { Bucket } from "../canonical/bucket.ts";
import { type Decimal, dividePublished, formatDecimal, parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { publishedBucket } from "../canonical/published.ts";
import { type Computation, shownPrices } from "./compute.ts";
import type { Policy } from "./policy.ts";
import type { TimeWeightedSums, TradeReader } from "./reader.ts";

/** TWAP = Σ price·Δt / Σ Δt, rounded half-even to 18 significant digits. Null where no price stood for any time. */
export function timeWeightedPrice({ weightedSum, duration }: TimeWeightedSums): Decimal | null {
  return duration === 0n ? null : dividePublished(weightedSum, parseDecimal(duration.toString()));
}

/**
 * The TWAP of a bucket, as one line of JSON: over the trades that form a price and that the bucket's value shows, each price
 * standing until the next one or the bucket's end, the last one before the bucket from its start. Null where the bucket has
 * no value of its own trades, or no price stood for any time.
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

/** The line of JSON that stands for a TWAP everywhere; null where no price stood for any time. */
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
