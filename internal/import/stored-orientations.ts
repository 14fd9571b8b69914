import { pairIdentity } from "../aggregate/aliases.ts";
import { withContracts } from "../aggregate/contracts.ts";
import { expansionOf } from "../aggregate/expansion.ts";
import type { Policy } from "../aggregate/policy.ts";
import { HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import { readClassicAssets, rememberedWalks } from "../storage/classic-assets.ts";
import type { Database } from "../storage/database.ts";
import {
  type Market,
  type NamedMarket,
  readSources,
  type StoredMarket,
  storedInverted,
} from "../storage/orientations.ts";

/** What the database holds of markets, whatever names their assets are stored under. */
export interface StoredOrientations {
  /** One text for all pairs that are one market in one orientation; see `pairIdentity`. */
  readonly identityOf: (pair: Pair) => string;
  /** The markets, by position, that are stored the other way round only. */
  readonly inverted: (markets: readonly Market[]) => Promise<ReadonlySet<number>>;
  /** What is stored of a market the other way round. */
  readonly inverse: (market: Market) => Promise<readonly StoredMarket[]>;
}

/** What an import writes itself is known to it, so that what the database holds is to be looked for hardly ever. */
const CONTRACTS_KNOWN_FOR = HOUR;

export function storedOrientations(database: Database, policy: Policy, now: () => Micros): StoredOrientations {
  const walks = rememberedWalks(database);
  const reader: Parameters<typeof withContracts>[0] = {
    classicAssets: (contracts, network, within) =>
      readClassicAssets(database.sql, walks, now(), { contracts, network, within }),
  };

  const namesOf = async (markets: readonly Market[]): Promise<NamedMarket[]> => {
    const { aliases, pegs } = await withContracts(reader, policy, markets, CONTRACTS_KNOWN_FOR);
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
