import type { Asset } from "../canonical/asset.ts";
import { parseDecimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import type { Config } from "../config/schema.ts";
import { createChainlink } from "../divergence/chainlink.ts";
import { createCoingecko } from "../divergence/coingecko.ts";
import type { Reference } from "../divergence/reference.ts";
import type { DivergenceContext } from "../divergence/service.ts";
import { createHttpClient } from "../http/client.ts";
import { systemClock } from "../lib/clock.ts";
import { namesOf, pairIdentity } from "../policy/aliases.ts";
import type { Policy } from "../policy/policy.ts";
import { readerOfStoredQuotes } from "../storage/trades/stored-quotes.ts";
import type { Resources } from "./resources.ts";

/** Returns the context for comparing published prices with the references of `[divergence]`. */
export function divergenceContext(config: Config, policy: Policy, { database, store }: Resources): DivergenceContext {
  const { divergence } = config;
  const pairs = publishedPairs(config);
  return {
    store,
    references: [...coingecko(divergence, policy), ...chainlink(divergence, policy, pairs)],
    storedQuotes: divergence.stored_sources ? readerOfStoredQuotes(database, policy) : null,
    pairs,
    windowSeconds: config.aggregate.windows[0] ?? 0,
    rules: {
      thresholdPct: parseDecimal(String(divergence.threshold_pct)),
      minReferences: divergence.min_references,
    },
    minIntervalSeconds: divergence.min_interval_seconds,
    maxAgeSeconds: divergence.max_age_seconds,
    now: systemClock.now,
  };
}

function coingecko({ coingecko: settings, timeout_ms }: Config["divergence"], { aliases }: Policy): Reference[] {
  if (!settings.enabled) return [];
  const ids = new Map<Asset, string>();
  for (const [asset, id] of settings.ids) for (const name of namesOf(asset, aliases)) ids.set(name, id);
  const http = createHttpClient({ requestsPerMinute: settings.requests_per_minute, timeoutMs: timeout_ms });
  return [createCoingecko({ url: settings.url, apiKey: settings.api_key || undefined, ids }, http)];
}

/** Returns Chainlink as a reference for the pairs that have a feed, under any of their aliases. */
function chainlink(
  { chainlink: settings, timeout_ms }: Config["divergence"],
  { aliases }: Policy,
  pairs: readonly Pair[],
): Reference[] {
  if (settings.rpc_url === "") return [];
  const addresses = new Map(settings.feeds.map(({ pair, address }) => [pairIdentity(pair, aliases), address]));
  const feeds = pairs.flatMap((pair) => {
    const address = addresses.get(pairIdentity(pair, aliases));
    return address === undefined ? [] : [{ pair, address }];
  });
  const http = createHttpClient({ requestsPerMinute: settings.requests_per_minute, timeoutMs: timeout_ms });
  return [createChainlink({ url: settings.rpc_url, feeds }, http)];
}
