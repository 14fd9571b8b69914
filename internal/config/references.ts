import { type Asset, isFiat } from "../canonical/asset.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { closeAliases, namesOf, pairIdentity } from "../policy/aliases.ts";
import { buildRegistry } from "../policy/registry.ts";
import { publishedPairs } from "./published-pairs.ts";
import type { Config } from "./schema.ts";

const PAID_HOST = "pro-api.coingecko.com";
const PAIRS_NAMED = 3;
/** CoinGecko's prices are up to a minute old; Chainlink's feeds update less often while a price is stable. */
const FRESHEST_SECONDS = 60;

/** A published pair and its external references. */
export interface PairReferences {
  readonly pair: Pair;
  readonly external: readonly string[];
}

/** Returns the external references of each published pair. */
export function externalReferences(config: Config): PairReferences[] {
  const { coingecko, chainlink } = config.divergence;
  const aliases = closeAliases(config.aggregate.aliases, config.aggregate.stellar_network);
  const coins = new Set<Asset>();
  if (coingecko.enabled && !lacksPaidKey(config)) {
    for (const asset of coingecko.ids.keys()) for (const name of namesOf(asset, aliases)) coins.add(name);
  }
  const feeds = new Set(chainlink.rpc_url === "" ? [] : chainlink.feeds.map(({ pair }) => pairIdentity(pair, aliases)));
  return publishedPairs(config).map((pair) => ({
    pair,
    external: [
      ...(coins.has(pair.base) && isFiat(pair.quote) ? ["coingecko"] : []),
      ...(feeds.has(pairIdentity(pair, aliases)) ? ["chainlink"] : []),
    ],
  }));
}

/** Returns the number of sources whose prices in `trades` count as references. */
export function storedReferenceCount({ divergence, aggregate, sources }: Config): number {
  // Without the class filter they count in the prices themselves.
  if (!divergence.stored_sources || aggregate.disable_class_filter) return 0;
  return [...buildRegistry(sources).values()].filter(
    ({ class: kind, includeInVwap }) => (kind === "oracle" || kind === "aggregator") && !includeInVwap,
  ).length;
}

/** Returns the pairs whose external references are too few without those that the database may contain. */
export function referencesNeedingStored(config: Config): PairReferences[] {
  const { min_references } = config.divergence;
  const stored = storedReferenceCount(config);
  return externalReferences(config).filter(
    ({ external: { length } }) => length > 0 && length < min_references && length + stored >= min_references,
  );
}

/** Returns warnings about settings that prevent comparisons although references are configured. */
export function divergenceGaps(config: Config): string[] {
  const { coingecko, chainlink, min_references, max_age_seconds, stored_sources } = config.divergence;
  const found: string[] = [];
  if (lacksPaidKey(config)) {
    found.push(
      `divergence.coingecko.url is the address of paid plans (${PAID_HOST}), and divergence.coingecko.api_key is empty: CoinGecko refuses every request. Set the key`,
    );
  }
  const { host, pathname } = new URL(coingecko.url);
  if (coingecko.enabled && /^(pro-)?api\.coingecko\.com$/.test(host) && !/^\/api\/v3\/*$/.test(pathname)) {
    found.push(
      `divergence.coingecko.url (${coingecko.url}) lacks the path /api/v3: CoinGecko refuses every request. Add the path`,
    );
  }
  if (!coingecko.enabled && coingecko.api_key !== "") {
    found.push(
      "divergence.coingecko.api_key has no effect while divergence.coingecko.enabled is false; set it to true",
    );
  }
  const pairs = externalReferences(config);
  if (coingecko.enabled && !lacksPaidKey(config) && !pairs.some(({ external }) => external.includes("coingecko"))) {
    found.push(
      "divergence.coingecko.ids has the base asset of no published pair in a fiat currency; add it with its CoinGecko id",
    );
  }
  if (
    chainlink.rpc_url !== "" &&
    chainlink.feeds.length > 0 &&
    !pairs.some(({ external }) => external.includes("chainlink"))
  ) {
    found.push(
      "divergence.chainlink.feeds has none of the published pairs and is never read; add feeds of published pairs",
    );
  }
  if (stored_sources && config.aggregate.disable_class_filter) {
    found.push(
      "divergence.stored_sources has no effect while aggregate.disable_class_filter is true: oracles and aggregators then count in the published prices. Set one of them to false",
    );
  }
  if (max_age_seconds < FRESHEST_SECONDS && pairs.some(({ external }) => external.length > 0)) {
    found.push(
      `divergence.max_age_seconds (${max_age_seconds}) is less than the ${FRESHEST_SECONDS} s between two prices of an external reference: hardly any of them counts. Raise it`,
    );
  }
  const stored = storedReferenceCount(config);
  const short = pairs.filter(({ external }) => {
    const most = external.length + stored;
    return most > 0 && most < min_references;
  });
  if (short.length > 0) {
    const most = Math.max(...short.map(({ external }) => external.length + stored));
    const names = [...new Set(short.flatMap(({ external }) => external)), ...(stored > 0 ? ["stored sources"] : [])];
    found.push(
      `divergence.min_references (${min_references}) is more than the number of references (${most}: ${names.join(", ")}) of ${namesOfPairs(short)}: these pairs are never compared. Lower it, or configure more references`,
    );
  }
  return found;
}

/** Names the first few pairs, and counts the others. */
export function namesOfPairs(pairs: readonly { readonly pair: Pair }[]): string {
  const named = pairs.slice(0, PAIRS_NAMED).map(({ pair }) => formatPair(pair));
  const others = pairs.length - named.length;
  return others === 0 ? named.join(", ") : `${named.join(", ")} and ${others} more`;
}

function lacksPaidKey({ divergence: { coingecko } }: Config): boolean {
  return coingecko.enabled && coingecko.api_key === "" && new URL(coingecko.url).host === PAID_HOST;
}
