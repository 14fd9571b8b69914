import { closeAliases, namesOf, pairIdentity } from "../aggregate/aliases.ts";
import { type Asset, isFiat } from "../canonical/asset.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";
import { buildRegistry } from "../sources/registry.ts";
import { publishedPairs } from "./published-pairs.ts";
import type { Config } from "./schema.ts";

const PAID_HOST = "pro-api.coingecko.com";
const PAIRS_NAMED = 3;
/** CoinGecko's prices are a minute old; Chainlink's feeds speak up less often, while a price stands still. */
const FRESHEST_SECONDS = 60;

/** A published pair, and the references outside that are asked about it. */
export interface PairReferences {
  readonly pair: Pair;
  readonly outside: readonly string[];
}

/** Which references outside each published pair can have. */
export function referencesOutside(config: Config): PairReferences[] {
  const { coingecko, chainlink } = config.divergence;
  const aliases = closeAliases(config.aggregate.aliases, config.aggregate.stellar_network);
  const coins = new Set<Asset>();
  if (coingecko.enabled && !lacksPaidKey(config)) {
    for (const asset of coingecko.ids.keys()) for (const name of namesOf(asset, aliases)) coins.add(name);
  }
  const feeds = new Set(chainlink.rpc_url === "" ? [] : chainlink.feeds.map(({ pair }) => pairIdentity(pair, aliases)));
  return publishedPairs(config).map((pair) => ({
    pair,
    outside: [
      ...(coins.has(pair.base) && isFiat(pair.quote) ? ["coingecko"] : []),
      ...(feeds.has(pairIdentity(pair, aliases)) ? ["chainlink"] : []),
    ],
  }));
}

/** How many sources there are whose prices in `trades` count as references. */
export function storedReferenceCount({ divergence, aggregate, sources }: Config): number {
  // Without the class filter they are in the prices themselves.
  if (!divergence.stored_sources || aggregate.disable_class_filter) return 0;
  return [...buildRegistry(sources).values()].filter(
    ({ class: kind, includeInVwap }) => (kind === "oracle" || kind === "aggregator") && !includeInVwap,
  ).length;
}

/** The pairs that have references outside, but too few without those that the database may hold. */
export function referencesNeedingStored(config: Config): PairReferences[] {
  const { min_references } = config.divergence;
  const stored = storedReferenceCount(config);
  return referencesOutside(config).filter(
    ({ outside: { length } }) => length > 0 && length < min_references && length + stored >= min_references,
  );
}

/** What keeps published prices from ever being compared, although references are configured. */
export function divergenceGaps(config: Config): string[] {
  const { coingecko, chainlink, min_references, max_age_seconds, stored_sources } = config.divergence;
  const found: string[] = [];
  if (lacksPaidKey(config)) {
    found.push(
      `divergence.coingecko.url is the address of paid plans (${PAID_HOST}), and divergence.coingecko.api_key is empty: every request is refused`,
    );
  }
  const { host, pathname } = new URL(coingecko.url);
  if (coingecko.enabled && /^(pro-)?api\.coingecko\.com$/.test(host) && !/^\/api\/v3\/*$/.test(pathname)) {
    found.push(`divergence.coingecko.url (${coingecko.url}) lacks the path /api/v3: every request is refused`);
  }
  if (!coingecko.enabled && coingecko.api_key !== "") {
    found.push("divergence.coingecko.api_key is not used while divergence.coingecko.enabled is false");
  }
  const pairs = referencesOutside(config);
  if (coingecko.enabled && !lacksPaidKey(config) && !pairs.some(({ outside }) => outside.includes("coingecko"))) {
    found.push(
      "divergence.coingecko knows none of the published pairs: divergence.coingecko.ids lack their base assets",
    );
  }
  if (
    chainlink.rpc_url !== "" &&
    chainlink.feeds.length > 0 &&
    !pairs.some(({ outside }) => outside.includes("chainlink"))
  ) {
    found.push("divergence.chainlink.feeds are of no published pair, and are never asked");
  }
  if (stored_sources && config.aggregate.disable_class_filter) {
    found.push(
      "divergence.stored_sources counts nothing while aggregate.disable_class_filter is true: oracles and aggregators are in the prices themselves",
    );
  }
  if (max_age_seconds < FRESHEST_SECONDS && pairs.some(({ outside }) => outside.length > 0)) {
    found.push(
      `divergence.max_age_seconds (${max_age_seconds}) is less than the ${FRESHEST_SECONDS} s in which references outside give a new price: hardly one counts`,
    );
  }
  const stored = storedReferenceCount(config);
  const short = pairs.filter(({ outside }) => {
    const most = outside.length + stored;
    return most > 0 && most < min_references;
  });
  if (short.length > 0) {
    const most = Math.max(...short.map(({ outside }) => outside.length + stored));
    const names = [...new Set(short.flatMap(({ outside }) => outside)), ...(stored > 0 ? ["stored sources"] : [])];
    found.push(
      `divergence.min_references (${min_references}) is more than the ${most} that ${namesOfPairs(short)} can have (${names.join(", ")}): what is published is never compared`,
    );
  }
  return found;
}

/** The first few pairs by name, and how many others there are. */
export function namesOfPairs(pairs: readonly { readonly pair: Pair }[]): string {
  const named = pairs.slice(0, PAIRS_NAMED).map(({ pair }) => formatPair(pair));
  const others = pairs.length - named.length;
  return others === 0 ? named.join(", ") : `${named.join(", ")} and ${others} more`;
}

function lacksPaidKey({ divergence: { coingecko } }: Config): boolean {
  return coingecko.enabled && coingecko.api_key === "" && new URL(coingecko.url).host === PAID_HOST;
}
