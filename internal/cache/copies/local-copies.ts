import { setBounded } from "../../lib/bounded-map.ts";
import type { PriceStore, TextWithTtl } from "../store.ts";

/**
 * The longest use of a copy. It bounds changes that are not announced: a key deleted by hand, a writer that announces
 * nothing, a silent connection that is not detected yet.
 */
export const MAX_COPY_SECONDS = 5;
/** The most copies; every requested pair and window gets one, and a new one evicts the oldest. */
const MAX_COPIES = 10_000;

/** A cache of stored texts in this process, invalidated by the announcement of every write. */
export interface LocalCopies {
  /**
   * Returns the texts in the order of the keys, null where there is none; synchronously where all are cached. A text
   * that was replaced is not returned once that has been announced, nor an expired one. While announcements may be
   * missed, all texts are read from the store.
   * @throws Error where the store does not answer within seconds
   */
  read(keys: readonly string[]): readonly (string | null)[] | Promise<readonly (string | null)[]>;
  /**
   * Returns a function that tells whether the cached texts of the keys are still valid; null where not all are cached.
   */
  validator(keys: readonly string[]): (() => boolean) | null;
}

interface Copy {
  readonly text: string | null;
  /** Expiry, by the stopwatch. */
  readonly until: number;
}

/** A running read of the store. */
interface Reading {
  readonly keys: readonly string[];
  readonly texts: Promise<readonly (string | null)[]>;
}

/**
 * Returns copies that stay subscribed to a store until it is closed. A failed subscription is retried with the next
 * read.
 * @param stopwatch a monotonic clock, in seconds
 * @param onFollowing called when copies begin to be used, and when they no longer are
 */
export function makeLocalCopies(
  store: Pick<PriceStore, "readWithTtl" | "subscribe">,
  stopwatch: () => number,
  onFollowing: (isFollowing: boolean) => void = () => {},
): LocalCopies {
  const copies = new Map<string, Copy>();
  /** Running reads whose result may be cached: none of their keys was announced since they began. */
  const readings = new Set<Reading>();
  /** Those of them that later reads may join (single-flight), by their keys. */
  const joinable = new Map<string, Reading>();
  let isSubscribed = false;
  let isUp = false;
  /** Incremented with every change of the copies. */
  let version = 0;

  function subscribe(): void {
    isSubscribed = true;
    const others = { onPut: drop, onUp: () => setUp(true), onDown: () => setUp(false) };
    store
      .subscribe(({ key }) => drop(key), others)
      .catch(() => {
        isSubscribed = false;
      });
  }

  function setUp(next: boolean): void {
    isUp = next;
    version++;
    copies.clear();
    readings.clear();
    joinable.clear();
    onFollowing(next);
  }

  function drop(key: string): void {
    if (copies.delete(key)) version++;
    for (const reading of readings) if (reading.keys.includes(key)) forget(reading);
  }

  function forget(reading: Reading): void {
    readings.delete(reading);
    if (joinable.get(joined(reading.keys)) === reading) joinable.delete(joined(reading.keys));
  }

  function cached(keys: readonly string[]): (string | null)[] | null {
    const at = stopwatch();
    const texts: (string | null)[] = [];
    for (const key of keys) {
      const copy = copies.get(key);
      if (copy === undefined || copy.until <= at) return null;
      texts.push(copy.text);
    }
    return texts;
  }

  function keep(key: string, held: TextWithTtl | null, started: number): void {
    const remaining = held === null ? MAX_COPY_SECONDS : held.remainingMs / 1000;
    const copy = { text: held?.text ?? null, until: started + Math.min(MAX_COPY_SECONDS, remaining) };
    if (copies.get(key)?.text !== copy.text) version++;
    setBounded(copies, key, copy, MAX_COPIES);
  }

  function fetch(keys: readonly string[]): Promise<readonly (string | null)[]> {
    const started = stopwatch();
    const texts = store
      .readWithTtl(keys)
      .then((held) => {
        if (!readings.has(reading)) return read(keys);
        for (const [index, key] of keys.entries()) keep(key, held[index] ?? null, started);
        return held.map((each) => each?.text ?? null);
      })
      .finally(() => forget(reading));
    const reading: Reading = { keys, texts };
    readings.add(reading);
    joinable.set(joined(keys), reading);
    return texts;
  }

  function read(keys: readonly string[]) {
    if (!isSubscribed) subscribe();
    // Without announcements, a running read may be older than a write that the caller knows of.
    if (!isUp) return fetch(keys);
    return cached(keys) ?? joinable.get(joined(keys))?.texts ?? fetch(keys);
  }

  function validator(keys: readonly string[]) {
    if (!isUp) return null;
    const held = keys.flatMap((key) => copies.get(key) ?? []);
    if (held.length < keys.length) return null;
    const until = Math.min(...held.map((copy) => copy.until));
    const snapshotVersion = version;
    return () => version === snapshotVersion && stopwatch() < until;
  }

  subscribe();
  return { read, validator };
}

function joined(keys: readonly string[]): string {
  return keys.join("\n");
}
