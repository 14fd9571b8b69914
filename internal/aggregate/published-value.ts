import type { Bucket } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import { fxSources } from "../sources/registry.ts";
import { pairIdentity } from "./aliases.ts";
import { countedSources } from "./class-filter.ts";
import { type Computation, computeValue, type StageReport } from "./compute.ts";
import { once } from "./once.ts";
import type { Policy } from "./policy.ts";
import type { TradeReader } from "./reader.ts";
import { namedAssets } from "./routes.ts";
import { type Triangulation, triangulate } from "./triangulation.ts";

/** What is published of a pair over a bucket, and what it comes from. */
export interface Published {
  readonly value: PublishedValue | null;
  /** Of the pair's own trades; where it has a value, that is what is published. */
  readonly own: Computation;
  /** Null where it was not needed, or there is no way. */
  readonly triangulation: Triangulation | null;
}

export interface PublishOptions {
  /** How many raw trades may be pulled into the process; what exceeds it is done in the database, same answer. */
  readonly maxTrades: number;
  /** Told of every step of a pair's own computation, those of legs included. */
  readonly observe?: (pair: Pair, bucket: Bucket, report: StageReport) => void;
}

/** The two ways to a value. What several values need is computed once. */
export interface Pricing {
  /** The computation of a pair's own trades. */
  readonly own: (pair: Pair, bucket: Bucket) => Promise<Computation>;
  /** The way through other markets, for a pair whose own computation gave no value. */
  readonly throughOthers: (pair: Pair, bucket: Bucket, own: Computation) => Promise<Triangulation | null>;
}

/** Prices pairs from what the reader reads, for any buckets; values carry the names of `pairs`. */
export function pricingOf(
  reader: TradeReader,
  policy: Policy,
  pairs: readonly Pair[],
  { maxTrades, observe = () => {} }: PublishOptions,
): Pricing {
  const identity = (pair: Pair): string => pairIdentity(pair, policy.aliases);
  const extent = ({ from, to }: Bucket): string => `${from} ${to}`;
  // A leg asks by other names than its value is published under.
  const names = new Map(pairs.map((pair) => [identity(pair), pair]));
  const own = once(
    (pair: Pair, bucket: Bucket) => `${identity(pair)} ${extent(bucket)}`,
    (asked, bucket) => {
      const pair = names.get(identity(asked)) ?? asked;
      const onReport = (report: StageReport): void => observe(pair, bucket, report);
      return computeValue(reader, policy, pair, bucket, { maxTrades, observe: onReport });
    },
  );
  const fxRates = once(String, (to: Micros) => reader.fxRates(fxSources(policy.registry), to));
  const tradedPairs = once(extent, (bucket: Bucket) =>
    reader.tradedPairs(bucket, namedAssets(policy, pairs), countedSources(policy)),
  );
  return {
    own,
    throughOthers: (pair, bucket, { dropped }) =>
      triangulate(
        {
          own: (leg) => own(leg, bucket),
          fxRates: () => fxRates(bucket.to),
          tradedPairs: () => tradedPairs(bucket),
        },
        policy,
        pair,
        bucket,
        dropped,
      ),
  };
}

/**
 * What the aggregator publishes of a pair over a bucket: the value of its own trades where they pass, else one through
 * other markets. The same trades and policy give the same bytes.
 */
export async function computePublished(
  reader: TradeReader,
  policy: Policy,
  pair: Pair,
  bucket: Bucket,
  options: PublishOptions,
): Promise<Published> {
  const { own: ownOf, throughOthers } = pricingOf(reader, policy, [pair], options);
  const own = await ownOf(pair, bucket);
  if (own.value !== null) return { value: own.value, own, triangulation: null };
  const triangulation = await throughOthers(pair, bucket, own);
  return { value: triangulation?.outcome === "ok" ? triangulation.value : null, own, triangulation };
}
