import type { Computation } from "../../aggregate/compute.ts";
import type { Policy } from "../../aggregate/policy.ts";
import type { Bucket } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../problem.ts";

/** Why a computation publishes nothing, and which setting decides it. */
export function refusalProblem(
  { refusal, dropped, statistics }: Computation,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
): Problem {
  const trades = `trades of ${formatPair(pair)} ${span(bucket)}`;
  switch (refusal) {
    case "below-floor":
      return new Problem(
        "price-withheld",
        `the ${trades} are worth less than ${formatDecimal(policy.minUsdVolume)} USD, the least that [aggregate] min_usd_volume asks for`,
      );
    case "unknown-usd-volume":
      return new Problem(
        "price-withheld",
        `what the ${trades} are worth in USD is not known, and [aggregate] min_usd_volume_unknown is "refuse"`,
      );
    default:
      return statistics.count > 0
        ? new Problem("price-withheld", `all ${trades} are outliers by [aggregate] outlier_sigma_threshold`)
        : noTrades(pair, bucket, dropped.class);
  }
}

/** There is nothing to make a price of; `leftOut` trades were, but from sources that do not count. */
export function noTrades(pair: Pair, bucket: Bucket, leftOut = 0): Problem {
  const others = leftOut === 0 ? "" : `; ${leftOut} of sources that are not in VWAP (see /v1/sources) were left out`;
  return new Problem("price-not-found", `there are no trades of ${formatPair(pair)} ${span(bucket)}${others}`);
}

function span({ from, to }: Bucket): string {
  return `from ${formatTime(from)} to ${formatTime(to)}`;
}
