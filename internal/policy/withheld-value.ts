import type { Bucket } from "../canonical/bucket.ts";
import { formatDecimal } from "../canonical/decimal.ts";
import { type Fraction, roundFraction } from "../canonical/fraction.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { publishedBucket } from "../canonical/published.ts";
import type { WithheldValue } from "../canonical/withheld.ts";
import type { Policy } from "./policy.ts";
import { type Published, refusalOf } from "./published-value.ts";
import { countOf } from "./reader.ts";

/** Returns why a pair without a value over a bucket has none, and what the value would have been. */
export function withheldValue(
  { own, triangulation }: Pick<Published, "own" | "triangulation">,
  { id }: Policy,
  pair: Pair,
  bucket: Bucket,
): WithheldValue {
  const { market, inverted: computation } =
    triangulation?.outcome === "withheld" ? triangulation : { market: pair, inverted: own };
  return {
    ...publishedBucket(pair, bucket),
    reason: refusalOf({ own, triangulation }) ?? "empty",
    market: formatPair(market),
    price: rounded(computation.price),
    recent_price: rounded(computation.recent),
    usd_volume: rounded(computation.usdVolume),
    trade_count: countOf(computation.kept),
    policy: id,
  };
}

function rounded(value: Fraction | null): string | null {
  return value && formatDecimal(roundFraction(value));
}
