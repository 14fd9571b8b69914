import type { Bucket } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Published } from "../../policy/published-value.ts";
import { chainGap } from "../../policy/routes/triangulation.ts";
import { PRICE_PROBLEMS } from "../problems.ts";

/**
 * Returns why nothing is published, with the setting that decides it. For a pair that only has an inverted market, the
 * message names that market and its trades.
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
        PRICE_PROBLEMS["price-withheld"],
        `the ${trades} are worth less than ${formatDecimal(policy.minUsdVolume)} USD, the floor ([aggregate] min_usd_volume)${detour}`,
      );
    case "unknown-usd-volume":
      return new Problem(
        PRICE_PROBLEMS["price-withheld"],
        `the USD volume of the ${trades} is unknown, and [aggregate] min_usd_volume_unknown is "refuse"${detour}`,
      );
    case "too-few-sources":
      return new Problem(
        PRICE_PROBLEMS["price-withheld"],
        `the ${trades} come from fewer than ${policy.minSources} sources ([aggregate] min_sources)${detour}`,
      );
    case "guarded":
      return new Problem(
        PRICE_PROBLEMS["price-withheld"],
        `the price of the ${trades} differs from the recent price by more than [aggregate] guard_factor (${formatDecimal(policy.guardFactor)}), and fewer than guard_confirmations (${policy.guardConfirmations}) sources confirm it`,
      );
    default:
      return counted > 0
        ? new Problem(
            PRICE_PROBLEMS["price-withheld"],
            `all ${trades} were dropped as outliers or with their venues${detour}`,
          )
        : noTrades(pair, bucket, dropped.class, detour);
  }
}

/** Returns the problem of a bucket with trades, none of which can be shown as a price. */
export function withheldTrades(pair: Pair, bucket: Bucket): Problem {
  return new Problem(
    PRICE_PROBLEMS["price-withheld"],
    `no trade of ${formatPair(pair)} ${span(bucket)} forms a price: all are too small, or too far from the others`,
  );
}

/** Returns the problem of a bucket without trades; `leftOut` trades are from sources that are not in VWAP. */
export function noTrades(pair: Pair, bucket: Bucket, leftOut = 0, detour = ""): Problem {
  const others = leftOut === 0 ? "" : `; ${leftOut} from sources that are not in VWAP (see /v1/sources) do not count`;
  return new Problem(
    PRICE_PROBLEMS["price-not-found"],
    `there are no trades of ${formatPair(pair)} ${span(bucket)}${others}${detour}`,
  );
}

function span({ from, to }: Bucket): string {
  return `from ${formatTime(from)} to ${formatTime(to)}`;
}
