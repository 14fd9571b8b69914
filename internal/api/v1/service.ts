import { withContracts } from "../../aggregate/contracts.ts";
import type { Policy } from "../../aggregate/policy.ts";
import { configuredPairs, configuredSpellings } from "../../aggregate/question.ts";
import type { TradeReader } from "../../aggregate/reader.ts";
import { type LocalCopies, makeLocalCopies } from "../../cache/local-copies.ts";
import type { Spellings } from "../../canonical/known-assets.ts";
import type { Pair } from "../../canonical/pair.ts";
import { seconds } from "../../canonical/time.ts";
import { storeFollowed } from "../../obs/api-events.ts";
import type { ApiContext } from "../context.ts";
import { type BoundedDatabase, type Load, makeLoad } from "../load.ts";
import { makeStoredTexts, type StoredTexts } from "./stored-texts.ts";

/** How long an asset may go unnoticed that was never traded before: anybody can ask for contracts that nobody has seen. */
const CONTRACTS_KNOWN_FOR = seconds(60);

/** What the endpoints share while one API runs. */
export interface Service extends ApiContext {
  readonly database: BoundedDatabase;
  /** The policy that knows the contracts of the pair's assets; see {@link withContracts}. */
  readonly policyOf: (reader: TradeReader, pair: Pair) => Promise<Policy>;
  /** The configured pair that this one is, by whatever name; null where none is. */
  readonly configuredPair: (pair: Pair) => Pair | null;
  /** How the configured assets are spelt. */
  readonly spellings: Spellings;
  /** What the store holds, from copies in this process while every write is announced to it. */
  readonly copies: LocalCopies;
  readonly storedTexts: StoredTexts;
  readonly load: Load;
  /** Policies of stored values, other than the API's own, that were reported already. */
  readonly reportedPolicies: Set<string>;
}

/** What can outlive an app, where another one takes its place. */
export interface Lasting {
  readonly load: Load;
  readonly copies: LocalCopies;
}

/** The copies follow the store until that is closed. */
export function makeLasting({ settings, store, stopwatch }: ApiContext): Lasting {
  const load = makeLoad(settings.maxComputations, stopwatch);
  const onFollowing = (isFollowing: boolean): void => storeFollowed.publish({ isFollowing });
  return { load, copies: makeLocalCopies(load.boundedStore(store), stopwatch, onFollowing) };
}

export function makeService(context: ApiContext, database: BoundedDatabase, { load, copies }: Lasting): Service {
  const { policy, settings } = context;
  return {
    ...context,
    database,
    policyOf: (reader, pair) => withContracts(reader, policy, [pair], CONTRACTS_KNOWN_FOR),
    configuredPair: configuredPairs(settings.pairs, policy.aliases),
    spellings: configuredSpellings(settings.pairs, policy),
    copies,
    load,
    storedTexts: makeStoredTexts(),
    reportedPolicies: new Set(),
  };
}
