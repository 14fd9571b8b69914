import { InputError } from "../canonical/input-error.ts";
import type { Micros } from "../canonical/time.ts";
import type { CircuitOptions, Guard } from "../resilience/guard.ts";
import type { Announcement } from "./keys.ts";
import { openMemoryStore } from "./memory.ts";
import { openRedisStore } from "./redis.ts";

/** One value to be published. */
export interface PriceWrite {
  readonly key: string;
  readonly value: string;
  /** End of the bucket that the value covers, of whole seconds: `2026-08-09T22:30:00Z`. */
  readonly to: string;
  /** How long the value lives, in whole seconds. */
  readonly ttlSeconds: number;
  /** What the marker beside the value says, see `provenanceKey`; without it there is none afterwards. */
  readonly provenance?: string | undefined;
  /** It stands beside a value: it is announced as a text that was put, for those who listen for values do not want it. */
  readonly isBeside?: true;
}

/**
 * What became of a write: `superseded` where the store holds a value of a later `to`, which then stays. Of a write that
 * gave an Error it is not known whether it happened; to write it again is safe.
 */
export type WriteOutcome = "written" | "superseded" | Error;

/** A text in the store, and for how many milliseconds from before it was read it stays; Infinity where for ever. */
export interface HeldText {
  readonly text: string;
  readonly remainingMs: number;
}

/** What else those who subscribe may want to hear. */
export interface Subscriber {
  /** A text was put under the key. */
  readonly onPut?: (key: string) => void;
  /** From now on all that is written will be announced: at first, and each time the connection is back. */
  readonly onUp?: () => void;
  /** From now on something may be written without being announced, until the next `onUp`; also as the store closes. */
  readonly onDown?: () => void;
}

/** Where published values live. */
export interface PriceStore {
  /**
   * The raw values, null where there is none, in the order of the keys, in one round trip.
   * @throws Error where the store does not answer within seconds
   */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  /**
   * As `read`, and how long each text stays at least.
   * @throws Error where the store does not answer within seconds
   */
  readHeld(keys: readonly string[]): Promise<(HeldText | null)[]>;
  /** Writes all in pipelined round trips, in their order. Never rejects: a failure is the outcome of its write alone. */
  publish(writes: readonly PriceWrite[]): Promise<WriteOutcome[]>;
  /**
   * Keeps a text for so many whole seconds, and announces that to those who listen for it.
   * @throws Error where the store does not answer within seconds, or the text could never expire
   */
  put(key: string, value: string, ttlSeconds: number): Promise<void>;
  /**
   * Calls back for each write announced, by any writer, from when the promise resolves until the function it gives is
   * called. What is written while the connection is away is not announced afterwards. A connection that ends is noticed
   * at once, one that falls silent after at most 13 seconds.
   * @throws Error where the store does not answer within seconds
   */
  subscribe(onWrite: (announcement: Announcement) => void, others?: Subscriber): Promise<() => Promise<void>>;
  /** @throws Error where the store does not answer within seconds */
  ping(): Promise<void>;
  /** What calls go through, for whoever else asks the same Redis, see `connectRedis`. */
  readonly guard: Guard;
  /** Lets what is under way finish, then ends every connection; calls after it are refused. */
  close(): Promise<void>;
}

/**
 * Opens the store that the URL names: `memory:` (each call a store of its own, for one process) or `redis://…`,
 * `rediss://…`, `redis+sentinel://…` or `rediss+sentinel://…`. Returns at once; a Redis that is not there yet shows in the calls.
 * @param now the clock of the in-process store, microseconds since the epoch
 * @param circuit when Redis is left alone; without it, it never is
 * @throws InputError where the URL is of neither kind; the message never shows the URL
 */
export function openStore(
  { url, key_prefix }: { readonly url: string; readonly key_prefix: string },
  { now, circuit }: { readonly now?: () => Micros; readonly circuit?: CircuitOptions } = {},
): PriceStore {
  if (url === "memory:") return openMemoryStore(now);
  if (/^rediss?(\+sentinel)?:\/\//.test(url)) return openRedisStore(url, key_prefix, circuit);
  throw new InputError(
    "the Redis URL is of no known kind; write memory:, redis://HOST:PORT, rediss://HOST:PORT or redis+sentinel://HOST:PORT,…/PRIMARY",
  );
}
