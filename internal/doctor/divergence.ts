import type { Policy } from "../aggregate/policy.ts";
import { formatPair } from "../canonical/pair.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import { namesOfPairs, referencesOutside, storedReferenceCount } from "../config/references.ts";
import type { Config } from "../config/schema.ts";
import { storedSources } from "../divergence/stored-sources.ts";
import type { Database } from "../storage/database.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** Which references are configured. None is asked: they limit how often they may be. */
export function checkDivergence({ divergence }: Config): Finding {
  const { coingecko, chainlink, min_references } = divergence;
  const outside = [
    ...(coingecko.enabled ? [`CoinGecko at ${new URL(coingecko.url).host}`] : []),
    ...(chainlink.rpc_url !== "" && chainlink.feeds.length > 0
      ? [`${chainlink.feeds.length} Chainlink feeds at ${new URL(chainlink.rpc_url).host}`]
      : []),
  ];
  if (outside.length === 0) return skipped("no reference outside is configured, so none has to be reachable");
  return ok(
    `${outside.join(", ")}; ${min_references} references must answer. They were not asked, as they limit requests: ` +
      "stellarindex_divergence_reference_failures_total of the aggregator tells",
  );
}

/** Whether each published pair has references enough, with those whose prices the database holds. */
export async function checkReferences(
  config: Config,
  policy: Policy,
  database: Database,
  now: Micros,
): Promise<Finding> {
  const { min_references, max_age_seconds } = config.divergence;
  const pairs = referencesOutside(config);
  const read = storedReferenceCount(config) === 0 ? null : storedSources(database, policy);
  const stored = await read?.(
    pairs.map(({ pair }) => pair),
    now,
    seconds(max_age_seconds),
  );
  const counted = pairs.map(({ pair, outside }) => ({
    pair,
    count: new Set([...outside, ...(stored?.get(formatPair(pair)) ?? []).map(({ reference }) => reference)]).size,
  }));
  const greatest = Math.max(...counted.map(({ count }) => count));
  if (greatest === 0) return skipped("no published pair has a reference, outside or in the database: none is compared");
  const short = counted.filter(({ count }) => count < min_references);
  if (short.length === 0) return ok(`each published pair has the ${min_references} references that it needs`);
  return warning(
    `${short.length} of ${pairs.length} published pairs have fewer references than divergence.min_references ` +
      `(${min_references}), and are never compared: ${namesOfPairs(short)}`,
    `configure another reference for them, have an oracle or aggregator write its prices to trades at least every ${max_age_seconds} s, or lower min_references`,
  );
}
