import type { PriceStore } from "../cache/store.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { KeyUse } from "../http/openapi.ts";
import type { Policy } from "../policy/policy.ts";
import type { TradeReader } from "../policy/reader.ts";
import type { Database } from "../storage/connection/database.ts";

/** The API's settings, and those that it shares with the aggregator. */
export interface ApiSettings {
  /** The pairs that the aggregator keeps fresh. */
  readonly pairs: readonly Pair[];
  /** Their windows in seconds, at least one, shortest first. */
  readonly windows: readonly number[];
  readonly intervalSeconds: number;
  readonly bucketSeconds: number;
  readonly settleSeconds: number;
  /** The default window of `/v1/vwap`. */
  readonly vwapWindowSeconds: number;
  /** The default window of `/v1/twap`. */
  readonly twapWindowSeconds: number;
  /** The most raw trades that one computation reads into the process. */
  readonly maxTrades: number;
  /** A stored value is the current price for this long after its bucket's end. */
  readonly priceFreshnessSeconds: number;
  /** Timeout of a request. */
  readonly requestTimeoutSeconds: number;
  /** The most requests in progress. */
  readonly maxInFlight: number;
  /** The most computations that query the database at once. */
  readonly maxComputations: number;
  /** Whether API keys are configured, and whether requests for prices need one. */
  readonly keys: KeyUse;
}

/** The API's dependencies. */
export interface ApiContext {
  readonly database: Database;
  readonly store: PriceStore;
  readonly policy: Policy;
  readonly settings: ApiSettings;
  readonly now: () => Micros;
  /** A monotonic clock, in seconds. */
  readonly stopwatch: () => number;
}

/** {@link ApiContext} and a function that returns the policy for a pair. */
export interface PolicyContext extends ApiContext {
  /** Returns the policy with the contracts of the pair's assets as aliases; see `resolveContracts`. */
  readonly policyOf: (reader: TradeReader, pair: Pair) => Promise<Policy>;
}
