import { bandAbout } from "../../aggregate/guard.ts";
import { type Pricing, pricingOf } from "../../aggregate/pricing.ts";
import { publishedBy, refusalOf } from "../../aggregate/published-value.ts";
import type { TradeReader } from "../../aggregate/reader.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import { formatDecimal, roundPublished } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { formatTime, type Micros, seconds } from "../../canonical/time.ts";
import type { Problem } from "../problem.ts";
import { refusalProblem, withheldTrades } from "./refusal.ts";
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
  readonly price_type: "vwap" | "held" | "last_trade";
  /** The end of the VWAP's bucket, or when the trade was. */
  readonly as_of: string;
  /** The window that the VWAP covers, or that the trade was held against. */
  readonly window_seconds: number;
  readonly policy: string;
  /** Why an earlier value is held: the present one is withheld by the guard. */
  readonly reason?: "guarded";
}

/** Buckets that are computed together while an earlier value is looked for. */
const HELD_AT_ONCE = 16;

/** The price that a published value stands for. */
export function priceOf({ pair, price, to, window_seconds, policy, provenance }: PublishedValue): CurrentPrice {
  const triangulated = provenance === "triangulated";
  return { data: { pair, price, price_type: "vwap", as_of: to, window_seconds, policy }, triangulated };
}

/**
 * The price at the closed grid point `to`: the shortest window's value, of the pair's own trades or through other
 * markets. Where the guard withholds that, the latest earlier value of the window that was publishable. Where the window has
 * no trades, the last trade that the longest window shows, if that would be published.
 */
export async function computePrice(
  reader: TradeReader,
  { policy, policyOf, settings }: Service,
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
  const band = policy.guardFactor.isZero() ? null : bandAbout({ low: own.price, high: own.price }, policy.guardFactor);
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

/** The grid points at most `holdSeconds` before `to`, latest first. */
function endsBefore(to: Micros, holdSeconds: number, bucketSeconds: number): Micros[] {
  const count = Math.floor(holdSeconds / bucketSeconds);
  return Array.from({ length: count }, (_, index) => to - seconds((index + 1) * bucketSeconds));
}

/** The value of the window at the first of these ends that has one. */
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
