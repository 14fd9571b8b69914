import { setBounded } from "./bounded.ts";
import type { HeldText, PriceStore } from "./store.ts";

/**
 * How long a copy is used at most. It bounds what no message tells of: a key deleted by hand, a writer that announces
 * nothing, a connection that fell silent and is not noticed yet.
 */
export const MOST_SECONDS = 5;
/** Copies that are kept; any pair and window that is asked about gets one. */
const MOST_COPIES = 10_000;

/** Texts of the store, answered from copies in this process while every write is announced to it. */
export interface LocalCopies {
  /**
   * The texts, null where there is none, in the order of the keys; at once where copies of all are at hand. A text that
   * was replaced is not among them once that has been announced, nor one whose time to live is over. While announcements
   * may be missed, all is read from the store.
   * @throws Error where the store does not answer within seconds
   */
  read(keys: readonly string[]): readonly (string | null)[] | Promise<readonly (string | null)[]>;
  /** A check whether the keys would be read as they are now; null where there are no copies of all. */
  lease(keys: readonly string[]): (() => boolean) | null;
}

interface Copy {
  readonly text: string | null;
  /** By the stopwatch. */
  readonly until: number;
}

/** A read of the store under way. */
interface Reading {
  readonly keys: readonly string[];
  readonly texts: Promise<readonly (string | null)[]>;
}

/**
 * Follows a store until that is closed. Where the store cannot be subscribed to, it is tried again with the next read.
 * @param stopwatch seconds on a clock that only goes forward
 * @param onFollowing hears when copies begin to be used, and when they are not used any more
 */
export function makeLocalCopies(
  store: Pick<PriceStore, "readHeld" | "subscribe">,
  stopwatch: () => number,
  onFollowing: (isFollowing: boolean) => void = () => {},
): LocalCopies {
  const copies = new Map<string, Copy>();
  /** Until something is announced that what comes back may be older than. */
  const readings = new Set<Reading>();
  /** Those of them that others may wait for too, by their keys. */
  const shared = new Map<string, Reading>();
  let isSubscribed = false;
  let isUp = false;
  /** Grows with every change of what the copies say. */
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
    shared.clear();
    onFollowing(next);
  }

  function drop(key: string): void {
    if (copies.delete(key)) version++;
    for (const reading of readings) if (reading.keys.includes(key)) forget(reading);
  }

  function forget(reading: Reading): void {
    readings.delete(reading);
    if (shared.get(nameOf(reading.keys)) === reading) shared.delete(nameOf(reading.keys));
  }

  function atHand(keys: readonly string[]): (string | null)[] | null {
    const at = stopwatch();
    const texts: (string | null)[] = [];
    for (const key of keys) {
      const copy = copies.get(key);
      if (copy === undefined || copy.until <= at) return null;
      texts.push(copy.text);
    }
    return texts;
  }

  function keep(key: string, held: HeldText | null, started: number): void {
    const remaining = held === null ? MOST_SECONDS : held.remainingMs / 1000;
    const copy = { text: held?.text ?? null, until: started + Math.min(MOST_SECONDS, remaining) };
    if (copies.get(key)?.text !== copy.text) version++;
    setBounded(copies, key, copy, MOST_COPIES);
  }

  function fetch(keys: readonly string[]): Promise<readonly (string | null)[]> {
    const started = stopwatch();
    const texts = store
      .readHeld(keys)
      .then((held) => {
        if (!readings.has(reading)) return read(keys);
        for (const [index, key] of keys.entries()) keep(key, held[index] ?? null, started);
        return held.map((each) => each?.text ?? null);
      })
      .finally(() => forget(reading));
    const reading: Reading = { keys, texts };
    readings.add(reading);
    shared.set(nameOf(keys), reading);
    return texts;
  }

  function read(keys: readonly string[]) {
    if (!isSubscribed) subscribe();
    // Without announcements, what is under way may be older than a write that the asker knows of.
    if (!isUp) return fetch(keys);
    return atHand(keys) ?? shared.get(nameOf(keys))?.texts ?? fetch(keys);
  }

  function lease(keys: readonly string[]) {
    if (!isUp) return null;
    const held = keys.flatMap((key) => copies.get(key) ?? []);
    if (held.length < keys.length) return null;
    const until = Math.min(...held.map((copy) => copy.until));
    const leased = version;
    return () => version === leased && stopwatch() < until;
  }

  subscribe();
  return { read, lease };
}

function nameOf(keys: readonly string[]): string {
  return keys.join("\n");
}
