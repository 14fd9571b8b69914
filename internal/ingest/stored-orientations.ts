import { HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { pairIdentity } from "../policy/aliases.ts";
import { resolveContracts } from "../policy/contracts.ts";
import { expansionOf } from "../policy/expansion.ts";
import type { Policy } from "../policy/policy.ts";
import type { Database } from "../storage/connection/database.ts";
import { cachedAssetScans, readClassicAssets } from "../storage/trades/classic-assets.ts";
import {
  type Market,
  type NamedMarket,
  readSources,
  type StoredMarket,
  storedInverted,
} from "../storage/trades/orientations.ts";

/** The orientations of stored markets, under any aliases of their assets. */
export interface StoredOrientations {
  /** Returns a key that is the same for all aliases of a pair; see `pairIdentity`. */
  readonly identityOf: (pair: Pair) => string;
  /** Returns the indexes of the markets that are stored only in the inverse orientation. */
  readonly inverted: (markets: readonly Market[]) => Promise<ReadonlySet<number>>;
  /** Returns what is stored of a market in the inverse orientation. */
  readonly inverse: (market: Market) => Promise<readonly StoredMarket[]>;
}

/** The import tracks its own rows, so that the cached list of stored assets may be this old. */
const CONTRACTS_CACHE_AGE = HOUR;

export function storedOrientations(database: Database, policy: Policy, now: () => Micros): StoredOrientations {
  const scans = cachedAssetScans(database);
  const reader: Parameters<typeof resolveContracts>[0] = {
    classicAssets: (contracts, network, within) =>
      readClassicAssets(database.sql, scans, now(), { contracts, network, within }),
  };

  const namesOf = async (markets: readonly Market[]): Promise<NamedMarket[]> => {
    const { aliases, pegs } = await resolveContracts(reader, policy, markets, CONTRACTS_CACHE_AGE);
    const rule = { aliases, pegs, stablecoinProxy: false };
    return markets.map((market) => ({ source: market.source, pairs: expansionOf(market, rule).named }));
  };

  return {
    identityOf: (pair) => pairIdentity(pair, policy.aliases),
    inverted: async (markets) => storedInverted(database.sql, await namesOf(markets)),
    async inverse({ base, quote, source }) {
      const named = await namesOf([{ base: quote, quote: base, source }]);
      const stored = await readSources(
        database.sql,
        named.flatMap(({ pairs }) => pairs),
      );
      return stored.filter((market) => market.source === source);
    },
  };
}
