import { bucketEndingAt } from "../../canonical/bucket.ts";
import { formatDecimal, roundPublished } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import type { Problem } from "../../http/problem.ts";
import { bandAround } from "../../policy/guard.ts";
import { type Pricing, pricingOf } from "../../policy/pricing.ts";
import { publishedBy, refusalOf } from "../../policy/published-value.ts";
import type { TradeReader } from "../../policy/reader.ts";
import type { PolicyContext } from "../context.ts";
import { refusalProblem, withheldTrades } from "./refusal.ts";

/** The best current price of a pair, and whether it was computed through other markets. */
export interface CurrentPrice {
  readonly data: PriceData;
  readonly triangulated: boolean;
}

/** The `data` of `/v1/price`. */
interface PriceData {
  readonly pair: string;
  readonly price: string;
  readonly price_type: "vwap" | "held" | "last_trade";
  /** The end of the VWAP's bucket, or the time of the trade. */
  readonly as_of: string;
  /** The window of the VWAP, or of the outlier band that the trade lies in. */
  readonly window_seconds: number;
  readonly policy: string;
  /** Why an earlier value is held: the guard withholds the current one. */
  readonly reason?: "guarded";
}

/** How many buckets are computed at once in the search for an earlier value. */
const HELD_AT_ONCE = 16;

/** Returns the price of a published value. */
export function priceOf({ pair, price, to, window_seconds, policy, provenance }: PublishedValue): CurrentPrice {
  const triangulated = provenance === "triangulated";
  return { data: { pair, price, price_type: "vwap", as_of: to, window_seconds, policy }, triangulated };
}

/**
 * Returns the price at the closed grid point `to`: the value of the shortest window, from the pair's own trades or
 * through other markets. Where the guard withholds it, the latest publishable value of that window. Where the window
 * has no trades, the last trade within the outlier band of the longest window, if that window is publishable.
 */
export async function computePrice(
  reader: TradeReader,
  { policy, policyOf, settings }: Pick<PolicyContext, "policy" | "policyOf" | "settings">,
  pair: Pair,
  to: Micros,
): Promise<CurrentPrice | Problem> {
  const { windows, maxTrades } = settings;
  const [shortest = 0] = windows;
  const longest = windows.at(-1) ?? shortest;
  const latest = bucketEndingAt(to, shortest);
  const pricing = pricingOf(reader, await policyOf(reader, pair), [pair], { maxTrades });
  const current = await publishedBy(pricing, pair, latest);
  if (current.value !== null) return priceOf(current.value);
  if (refusalOf(current) === "guarded") {
    const ends = endsBefore(to, policy.guardHoldSeconds, settings.bucketSeconds);
    const held = await latestValue(pricing, pair, ends, shortest);
    if (held !== null) {
      const { data, triangulated } = priceOf(held);
      return { data: { ...data, price_type: "held", reason: "guarded" }, triangulated };
    }
  }
  if (current.own.counted > 0 || current.triangulation?.outcome === "withheld")
    return refusalProblem(current, policy, pair, latest);

  const bucket = bucketEndingAt(to, longest);
  const own = await pricing.own(pair, bucket);
  if (own.price === null || own.value === null) {
    return refusalProblem({ own, triangulation: null }, policy, pair, bucket);
  }
  const band = policy.guardFactor.isZero() ? null : bandAround({ low: own.price, high: own.price }, policy.guardFactor);
  const last = await reader.lastTrade(own.pairs, bucket, {
    sources: own.kept.map(({ source }) => source),
    filter: { rule: own.outlierRule, band },
  });
  if (last === null) return withheldTrades(pair, bucket);
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

/** Returns the grid points at most `holdSeconds` before `to`, latest first. */
function endsBefore(to: Micros, holdSeconds: number, bucketSeconds: number): Micros[] {
  const count = Math.floor(holdSeconds / bucketSeconds);
  return Array.from({ length: count }, (_, index) => to - seconds((index + 1) * bucketSeconds));
}

/** Returns the value of the window at the first of these ends that has one; null where none has. */
async function latestValue(
  pricing: Pricing,
  pair: Pair,
  ends: readonly Micros[],
  windowSeconds: number,
): Promise<PublishedValue | null> {
  for (let start = 0; start < ends.length; start += HELD_AT_ONCE) {
    const some = ends.slice(start, start + HELD_AT_ONCE).map((end) => bucketEndingAt(end, windowSeconds));
    const published = await Promise.all(some.map((bucket) => publishedBy(pricing, pair, bucket)));
    const found = published.find(({ value }) => value !== null);
    if (found !== undefined) return found.value;
  }
  return null;
}
