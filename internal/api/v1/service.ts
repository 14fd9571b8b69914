import { type LocalCopies, makeLocalCopies } from "../../cache/copies/local-copies.ts";
import type { Spellings } from "../../canonical/known-assets.ts";
import type { Pair } from "../../canonical/pair.ts";
import { seconds } from "../../canonical/time.ts";
import { type Admission, makeAdmission } from "../../http/admission.ts";
import { resolveContracts } from "../../policy/contracts.ts";
import { configuredPairs, configuredSpellings } from "../../policy/query.ts";
import { type BoundedDatabase, boundedStore, makeDatabaseLanes } from "../bounded-database.ts";
import type { ApiContext, PolicyContext } from "../context.ts";
import { storeFollowed } from "../events.ts";
import { timedOut } from "../failure.ts";
import { type Completeness, makeCompleteness } from "./completeness.ts";
import { makeStoredTexts, type StoredTexts } from "./stored-texts.ts";

/** How long a lookup of unknown contracts is cached: any client can request contracts that were never traded. */
const CONTRACTS_KNOWN_FOR = seconds(60);

/** The dependencies that all endpoints of an app share. */
export interface Service extends PolicyContext {
  readonly database: BoundedDatabase;
  /** Returns the configured pair of which this one is an alias; null where there is none. */
  readonly configuredPair: (pair: Pair) => Pair | null;
  /** The spellings of the configured assets. */
  readonly spellings: Spellings;
  /** Reads the store, from copies in this process while every write is announced to it. */
  readonly copies: LocalCopies;
  readonly storedTexts: StoredTexts;
  readonly admission: Admission;
  /** Other policies than the API's own that were found in stored values and reported. */
  readonly reportedPolicies: Set<string>;
  /** What is known of the gaps of collected feeds. */
  readonly completeness: Completeness;
}

/** The state that a reload keeps when it replaces the app. */
export interface AppState {
  readonly admission: Admission;
  readonly bounded: ReturnType<typeof makeDatabaseLanes>;
  readonly copies: LocalCopies;
  readonly completeness: Completeness;
}

/** Returns new state. Its copies stay subscribed to the store until the store is closed. */
export function makeAppState({ database, settings, store, stopwatch }: ApiContext): AppState {
  const admission = makeAdmission("api", timedOut);
  const bounded = makeDatabaseLanes(admission, settings.maxComputations, stopwatch);
  const onFollowing = (isFollowing: boolean): void => storeFollowed.publish({ isFollowing });
  const copies = makeLocalCopies(boundedStore(store, admission), stopwatch, onFollowing);
  return { admission, bounded, copies, completeness: makeCompleteness(database, stopwatch) };
}

export function makeService(context: ApiContext, { admission, bounded, copies, completeness }: AppState): Service {
  const { database, policy, settings } = context;
  return {
    ...context,
    database: bounded(database, settings),
    policyOf: (reader, pair) => resolveContracts(reader, policy, [pair], CONTRACTS_KNOWN_FOR),
    configuredPair: configuredPairs(settings.pairs, policy.aliases),
    spellings: configuredSpellings(settings.pairs, policy),
    copies,
    completeness,
    admission,
    storedTexts: makeStoredTexts(),
    reportedPolicies: new Set(),
  };
}
