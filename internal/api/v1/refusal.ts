import type { Policy } from "../../aggregate/policy.ts";
import type { Published } from "../../aggregate/published-value.ts";
import { chainGap } from "../../aggregate/triangulation.ts";
import type { Bucket } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../problem.ts";

/**
 * Why nothing is published, and which setting decides it. Of a pair that has a market the other way round alone, it tells of that
 * market's trades, by its name.
 */
export function refusalProblem(
  { own: { refusal, dropped, counted }, triangulation }: Omit<Published, "value">,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
): Problem {
  if (triangulation?.outcome === "withheld") {
    const { market, inverted } = triangulation;
    return refusalProblem({ own: inverted, triangulation: null }, policy, market, bucket);
  }
  const trades = `trades of ${formatPair(pair)} ${span(bucket)}`;
  const detour = chainGap(triangulation);
  switch (refusal) {
    case "below-floor":
      return new Problem(
        "price-withheld",
        `the ${trades} are worth less than ${formatDecimal(policy.minUsdVolume)} USD, the least that [aggregate] min_usd_volume asks for${detour}`,
      );
    case "unknown-usd-volume":
      return new Problem(
        "price-withheld",
        `what the ${trades} are worth in USD is not known, and [aggregate] min_usd_volume_unknown is "refuse"${detour}`,
      );
    case "too-few-sources":
      return new Problem(
        "price-withheld",
        `the ${trades} are of fewer sources than the ${policy.minSources} that [aggregate] min_sources asks for${detour}`,
      );
    case "guarded":
      return new Problem(
        "price-withheld",
        `the price of the ${trades} is more than [aggregate] guard_factor (${formatDecimal(policy.guardFactor)}) away from the price before, and fewer than guard_confirmations (${policy.guardConfirmations}) sources confirm it`,
      );
    default:
      return counted > 0
        ? new Problem("price-withheld", `all ${trades} are left out as outliers or with their venues${detour}`)
        : noTrades(pair, bucket, dropped.class, detour);
  }
}

/** There are trades, but none whose price can stand. */
export function withheldTrades(pair: Pair, bucket: Bucket): Problem {
  return new Problem(
    "price-withheld",
    `no trade of ${formatPair(pair)} ${span(bucket)} forms a price: they are too small, or too far from the others`,
  );
}

/** There is nothing to make a price of; `leftOut` trades were, but from sources that do not count. */
export function noTrades(pair: Pair, bucket: Bucket, leftOut = 0, detour = ""): Problem {
  const others = leftOut === 0 ? "" : `; ${leftOut} of sources that are not in VWAP (see /v1/sources) were left out`;
  return new Problem("price-not-found", `there are no trades of ${formatPair(pair)} ${span(bucket)}${others}${detour}`);
}

function span({ from, to }: Bucket): string {
  return `from ${formatTime(from)} to ${formatTime(to)}`;
}
