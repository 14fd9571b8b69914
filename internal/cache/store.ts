import type { CircuitBreaker } from "../lib/circuit-breaker.ts";
import type { Announcement } from "./keys.ts";

/** A value to publish. */
export interface PriceWrite {
  readonly key: string;
  readonly value: string;
  /** End of the bucket that the value covers, of whole seconds: `2026-08-09T22:30:00Z`. */
  readonly to: string;
  /** The TTL, in whole seconds. */
  readonly ttlSeconds: number;
  /** The text of the marker key, see `provenanceKey`; without it, the marker is deleted. */
  readonly provenance?: string | undefined;
  /** Announced as a put text, not as a value: it accompanies a value, and subscribers of values do not want it. */
  readonly isCompanion?: true;
}

/**
 * The outcome of a write: `superseded` where the store keeps a value of a later `to`. After an Error it is unknown
 * whether the write happened; repeating it is safe.
 */
export type WriteOutcome = "written" | "superseded" | Error;

/** A stored text, and its remaining TTL in milliseconds from before it was read; Infinity where it never expires. */
export interface TextWithTtl {
  readonly text: string;
  readonly remainingMs: number;
}

/** Optional callbacks of a subscriber. */
export interface Subscriber {
  /** Called when a text was put under the key. */
  readonly onPut?: (key: string) => void;
  /** Called when announcements become complete: at first, and after each reconnection. */
  readonly onUp?: () => void;
  /** Called when announcements may be missed, until the next `onUp`; also when the store closes. */
  readonly onDown?: () => void;
}

/** The store of published values. */
export interface PriceStore {
  /**
   * Reads texts in one round trip, in the order of the keys; null where there is none.
   * @throws Error where the store does not answer within seconds
   */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * As `read`, with a lower bound of each remaining TTL.
   * @throws Error where the store does not answer within seconds
   */
  readWithTtl(keys: readonly string[]): Promise<(TextWithTtl | null)[]>;
  /** Writes all values in pipelined round trips, in order. Never rejects: a failure is the outcome of its write. */
  publish(writes: readonly PriceWrite[]): Promise<WriteOutcome[]>;
  /**
   * Stores a text with a TTL in whole seconds, and announces it to subscribers with `onPut`.
   * @throws Error where the store does not answer within seconds, or the TTL is invalid
   */
  put(key: string, value: string, ttlSeconds: number): Promise<void>;
  /**
   * Calls `onWrite` for each announced write of any writer, once the promise resolves and until the returned function
   * is called. Writes during a disconnection are not announced later. A closed connection is detected at once, a silent
   * one within 13 seconds.
   * @throws Error where the store does not answer within seconds
   */
  subscribe(onWrite: (announcement: Announcement) => void, others?: Subscriber): Promise<() => Promise<void>>;
  /** @throws Error where the store does not answer within seconds */
  ping(): Promise<void>;
  /** The circuit breaker of all calls, to share with other connections to the same Redis, see `connectRedis`. */
  readonly breaker: CircuitBreaker;
  /** Waits for running calls, then closes every connection; later calls are refused. */
  close(): Promise<void>;
}
