import type { Policy } from "../aggregate/policy.ts";
import type { PriceStore } from "../cache/store.ts";
import type { Pair } from "../canonical/pair.ts";
import type { Micros } from "../canonical/time.ts";
import type { Database } from "../storage/database.ts";

/** The settings that the API shares with the aggregator, and its own. */
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
  /** Raw trades one computation may pull into the process. */
  readonly maxTrades: number;
  /** How long after its bucket's end a stored value is the current price. */
  readonly priceFreshnessSeconds: number;
  /** How long a request may wait for its answer. */
  readonly requestTimeoutSeconds: number;
  /** Requests that may wait for their answer at once. */
  readonly maxInFlight: number;
  /** Computations that may ask the database at once. */
  readonly maxComputations: number;
  /** Whether there are API keys, and whether prices are for those who have one only. */
  readonly keys: "none" | "accepted" | "required";
}

/** What the API answers from. */
export interface ApiContext {
  readonly database: Database;
  readonly store: PriceStore;
  readonly policy: Policy;
  readonly settings: ApiSettings;
  readonly now: () => Micros;
  /** Seconds on a clock that only goes forward. */
  readonly stopwatch: () => number;
}
