import { namesOf, pairIdentity } from "../internal/aggregate/aliases.ts";
import type { Policy } from "../internal/aggregate/policy.ts";
import type { PriceStore } from "../internal/cache/store.ts";
import type { Asset } from "../internal/canonical/asset.ts";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import type { Pair } from "../internal/canonical/pair.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import type { Config } from "../internal/config/schema.ts";
import { createChainlink } from "../internal/divergence/chainlink.ts";
import { createCoingecko } from "../internal/divergence/coingecko.ts";
import { createHttp } from "../internal/divergence/http.ts";
import type { Reference } from "../internal/divergence/reference.ts";
import type { DivergenceContext } from "../internal/divergence/service.ts";
import { storedSources } from "../internal/divergence/stored-sources.ts";
import { systemClock } from "../internal/obs/clock.ts";
import type { Database } from "../internal/storage/database.ts";

/** What holding the published prices against the references of `[divergence]` works with under this configuration. */
export function divergenceContext(
  config: Config,
  policy: Policy,
  database: Database,
  store: PriceStore,
): DivergenceContext {
  const { divergence } = config;
  const pairs = publishedPairs(config);
  return {
    store,
    references: [...coingecko(divergence, policy), ...chainlink(divergence, policy, pairs)],
    storedQuotes: divergence.stored_sources ? storedSources(database, policy) : null,
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
  const http = createHttp({ requestsPerMinute: settings.requests_per_minute, timeoutMs: timeout_ms });
  return [createCoingecko({ url: settings.url, apiKey: settings.api_key || undefined, ids }, http)];
}

/** Feeds are of pairs under any of their names. */
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
  const http = createHttp({ requestsPerMinute: settings.requests_per_minute, timeoutMs: timeout_ms });
  return [createChainlink({ url: settings.rpc_url, feeds }, http)];
}
