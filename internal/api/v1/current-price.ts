import { computeValue } from "../../aggregate/compute.ts";
import { expandPair } from "../../aggregate/expansion.ts";
import { isOutlier } from "../../aggregate/outliers.ts";
import { computePublished } from "../../aggregate/published-value.ts";
import type { TradeReader } from "../../aggregate/reader.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { formatDecimal, roundPublished } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { formatTime, type Micros } from "../../canonical/time.ts";
import { Problem } from "../problem.ts";
import { refusalProblem } from "./refusal.ts";
import type { Service } from "./service.ts";

/** The best current price of a pair. */
export interface CurrentPrice {
  readonly data: PriceData;
  readonly triangulated: boolean;
}

/** What is answered of it. */
interface PriceData {
  readonly pair: string;
  readonly price: string;
  readonly price_type: "vwap" | "last_trade";
  /** The end of the VWAP's bucket, or when the trade was. */
  readonly as_of: string;
  /** The window that the VWAP covers, or that the trade was held against. */
  readonly window_seconds: number;
  readonly policy: string;
}

/** The price that a published value stands for. */
export function priceOf({ pair, price, to, window_seconds, policy, provenance }: PublishedValue): CurrentPrice {
  const triangulated = provenance === "triangulated";
  return { data: { pair, price, price_type: "vwap", as_of: to, window_seconds, policy }, triangulated };
}

/**
 * The price at the closed grid point `to`: the shortest window's value, of the pair's own trades or through other
 * markets. Where that window has no trades, the last trade, provided that the longest window would be published and leaves
 * out neither the trade nor its venue.
 */
export async function computePrice(
  reader: TradeReader,
  { policy, settings }: Service,
  pair: Pair,
  to: Micros,
): Promise<CurrentPrice | Problem> {
  const { windows, maxTrades } = settings;
  const [shortest = 0] = windows;
  const longest = windows.at(-1) ?? shortest;
  const latest = bucketEndingAt(to, shortest);
  const current = await computePublished(reader, policy, pair, latest, { maxTrades });
  if (current.value !== null) return priceOf(current.value);
  if (current.own.counted > 0) return refusalProblem(current, policy, pair, latest);

  const bucket = bucketEndingAt(to, longest);
  const own = await computeValue(reader, policy, pair, bucket, { maxTrades });
  const counted = own.value?.sources.map(({ source }) => source) ?? [];
  const last =
    own.value && (await reader.lastTrade(expandPair(pair, policy), bucket, { sources: counted, filter: null }));
  if (last === null) return refusalProblem({ own, triangulation: null }, policy, pair, bucket);
  if (isOutlier(last.price, own.outlierRule)) {
    return new Problem(
      "price-withheld",
      `the last trade of ${formatPair(pair)}, of ${formatTime(last.ts)}, is an outlier by [aggregate] outlier_method and outlier_sigma_threshold`,
    );
  }
  return {
    data: {
      pair: formatPair(pair),
      price: formatDecimal(roundPublished(last.price)),
      price_type: "last_trade",
      as_of: formatTime(last.ts),
      window_seconds: longest,
      policy: policy.id,
    },
    triangulated: false,
  };
}
