import type { Bucket } from "../canonical/bucket.ts";
import { formatDecimal } from "../canonical/decimal.ts";
import { type Fraction, roundFraction } from "../canonical/fraction.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { type DroppedTrades, type PublishedValue, publishedBucket } from "../canonical/published.ts";
import { pairIdentity } from "./aliases.ts";
import type { Chain } from "./chain.ts";
import type { Computation } from "./compute.ts";
import { type Leg, priceLeg } from "./legs.ts";
import type { Policy } from "./policy.ts";
import { findRoute, priceOfLegs, publishableLegs, type RouteReader } from "./routes.ts";

/** What came of the way through other markets. */
export type Triangulation =
  | { readonly outcome: "ok"; readonly value: PublishedValue; readonly legs: readonly Leg[] }
  /** A leg of the configured chain has no price (`missing_leg`), or only an exchange rate that is too old. */
  | { readonly outcome: "missing_leg" | "stale_leg"; readonly leg: string }
  /** There is nothing but the market the other way round, and that has trades and no value. */
  | { readonly outcome: "withheld"; readonly market: Pair; readonly inverted: Computation };

/**
 * The value of a pair through other markets, where its own trades give none: the product of the exact prices of the legs,
 * all of the same bucket. The legs are those of the configured chain; without one, of the route that is found.
 * @param dropped what the filters left out of the pair's own trades
 * @returns null where triangulation is off, or there is neither chain nor route
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
 * The price of a pair through other markets by their own trades, each worth the volume floor and publishable by itself. It
 * takes the way that {@link triangulate} would; null where there is none.
 * @param reader of markets that are not judged yet
 */
export async function priceThroughOthers(reader: RouteReader, policy: Policy, pair: Pair): Promise<Fraction | null> {
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

/** Why a configured chain gives no value, as the end of a sentence; empty where there is nothing to say. */
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
    // No trade of the pair makes this price; each leg has its own.
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
