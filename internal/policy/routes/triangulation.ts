import type { Bucket } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { type Fraction, roundFraction } from "../../canonical/fraction.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { type DroppedTrades, type PublishedValue, publishedBucket } from "../../canonical/published.ts";
import { pairIdentity } from "../aliases.ts";
import type { Computation } from "../compute.ts";
import type { Policy } from "../policy.ts";
import type { Chain } from "./chain.ts";
import { type Leg, priceLeg } from "./legs.ts";
import { findRoute, priceOfLegs, publishableLegs, type RouteReader } from "./routes.ts";

/** The result of a triangulation. */
export type Triangulation =
  | { readonly outcome: "ok"; readonly value: PublishedValue; readonly legs: readonly Leg[] }
  /** A leg of the configured chain has no price (`missing_leg`) or only an outdated exchange rate (`stale_leg`). */
  | { readonly outcome: "missing_leg" | "stale_leg"; readonly leg: string }
  /** Only the inverted market has trades, and its value is withheld. */
  | { readonly outcome: "withheld"; readonly market: Pair; readonly inverted: Computation };

/**
 * Returns the triangulated value of a pair without a value of its own: the product of the legs' unrounded prices, all
 * of the same bucket. The legs are those of the configured chain, or of the best route if no chain is configured.
 * @param dropped the trades of the pair that the filters left out
 * @returns null where triangulation is off, or there is neither a chain nor a route
 */
export async function triangulate(
  reader: RouteReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  dropped: DroppedTrades,
): Promise<Triangulation | null> {
  if (!policy.triangulation) return null;
  const chain = policy.chains.get(pairIdentity(pair, policy.aliases));
  const found = chain === undefined ? await findRoute(reader, policy, pair) : await followChain(reader, chain);
  if (found === null || "outcome" in found) return found;
  return { outcome: "ok", value: publishTriangulated(pair, bucket, found, dropped, policy.id), legs: found };
}

/**
 * Returns the price of a pair along the path that {@link triangulate} would take; null where there is none. Each leg
 * must reach the volume floor and pass the guard.
 * @param reader gives markets to which the publication checks have not been applied
 */
export async function routePrice(reader: RouteReader, policy: Policy, pair: Pair): Promise<Fraction | null> {
  if (!policy.triangulation) return null;
  const chain = policy.chains.get(pairIdentity(pair, policy.aliases));
  if (chain === undefined) {
    const legs = await findRoute(reader, policy, pair);
    return legs && priceOfLegs(legs);
  }
  const followed = await followChain(reader, chain);
  const legs = "outcome" in followed ? null : await publishableLegs(reader, policy, chain.path, followed);
  return legs && priceOfLegs(legs);
}

/** Returns why a configured chain gives no value, as the end of a sentence; empty where no leg is missing. */
export function chainGap(triangulation: Triangulation | null): string {
  if (triangulation === null || !("leg" in triangulation)) return "";
  const gap = triangulation.outcome === "stale_leg" ? "has only a rate that is too old" : "has no price";
  return `; ${triangulation.leg} on its chain of [[aggregate.triangulations]] ${gap}`;
}

async function followChain(reader: RouteReader, { path }: Chain): Promise<readonly Leg[] | Triangulation> {
  const legs: Leg[] = [];
  for (const [index, quote] of path.slice(1).entries()) {
    const base = path[index] ?? quote;
    const leg = await priceLeg(reader, base, quote);
    if (leg === "missing" || leg === "stale") return { outcome: `${leg}_leg`, leg: formatPair({ base, quote }) };
    legs.push(leg);
  }
  return legs;
}

function publishTriangulated(
  pair: Pair,
  bucket: Bucket,
  legs: readonly Leg[],
  dropped: DroppedTrades,
  policyId: string,
): PublishedValue {
  const price = priceOfLegs(legs);
  return {
    ...publishedBucket(pair, bucket),
    price: formatDecimal(roundFraction(price)),
    // The pair has no trades of its own in this price; each leg reports its volume.
    base_volume: "0",
    quote_volume: "0",
    usd_volume: "0",
    trade_count: 0,
    sources: [],
    dropped,
    policy: policyId,
    provenance: "triangulated",
    legs: legs.map(({ published }) => published),
  };
}
