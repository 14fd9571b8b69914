import { formatPair } from "../canonical/pair.ts";
import { type Micros, seconds } from "../canonical/time.ts";
import { externalReferences, namesOfPairs, storedReferenceCount } from "../config/references.ts";
import type { Config } from "../config/schema.ts";
import type { Policy } from "../policy/policy.ts";
import type { Database } from "../storage/connection/database.ts";
import { readerOfStoredQuotes } from "../storage/trades/stored-quotes.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** Reports the configured references. They are not queried, since they are rate-limited. */
export function checkDivergence({ divergence }: Config): Finding {
  const { coingecko, chainlink, min_references } = divergence;
  const external = [
    ...(coingecko.enabled ? [`CoinGecko at ${new URL(coingecko.url).host}`] : []),
    ...(chainlink.rpc_url !== "" && chainlink.feeds.length > 0
      ? [`${chainlink.feeds.length} Chainlink feeds at ${new URL(chainlink.rpc_url).host}`]
      : []),
  ];
  if (external.length === 0) return skipped("no external reference is configured");
  return ok(
    `${external.join(", ")}; ${min_references} references must answer. They were not queried, since they are rate-limited: ` +
      "see stellarindex_divergence_reference_failures_total of the aggregator",
  );
}

/** Checks that each published pair has enough references, external ones and recent prices in the database together. */
export async function checkReferences(
  config: Config,
  policy: Policy,
  database: Database,
  now: Micros,
): Promise<Finding> {
  const { min_references, max_age_seconds } = config.divergence;
  const pairs = externalReferences(config);
  const read = storedReferenceCount(config) === 0 ? null : readerOfStoredQuotes(database, policy);
  const stored = await read?.(
    pairs.map(({ pair }) => pair),
    now,
    seconds(max_age_seconds),
  );
  const counted = pairs.map(({ pair, external }) => ({
    pair,
    count: new Set([...external, ...(stored?.get(formatPair(pair)) ?? []).map(({ reference }) => reference)]).size,
  }));
  const greatest = Math.max(...counted.map(({ count }) => count));
  if (greatest === 0) return skipped("no published pair has a reference, external or in the database");
  const short = counted.filter(({ count }) => count < min_references);
  if (short.length === 0) return ok(`each published pair has at least ${min_references} references`);
  return warning(
    `${short.length} of ${pairs.length} published pairs have fewer references than divergence.min_references ` +
      `(${min_references}) and are never compared: ${namesOfPairs(short)}`,
    `configure another reference, let an oracle or aggregator write prices to trades at least every ${max_age_seconds} s, or lower min_references`,
  );
}
