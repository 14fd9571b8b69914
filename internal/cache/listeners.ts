import type { Announcement } from "./keys.ts";
import type { Subscriber } from "./store.ts";

/** Those who want to hear of writes, each called in a microtask of its own: what one throws harms nobody else. */
export interface Listeners {
  readonly size: number;
  /** Returns a function that takes the listener out again, for good. */
  add(onWrite: (announcement: Announcement) => void, others?: Subscriber): () => void;
  announce(announcement: Announcement): void;
  announcePut(key: string): void;
  /** Tells all who have not heard so that everything is announced from now on. */
  up(): void;
  /** Tells all who heard of `up` that this is over. */
  down(): void;
  /** Tells them so for the last time, and takes all out. */
  clear(): void;
}

interface Listener extends Subscriber {
  readonly onWrite: (announcement: Announcement) => void;
  isUp: boolean;
}

export function makeListeners(): Listeners {
  const listeners = new Set<Listener>();

  function tell(call: (listener: Listener) => void): void {
    for (const listener of listeners) {
      queueMicrotask(() => {
        if (listeners.has(listener)) call(listener);
      });
    }
  }

  function tellState(isUp: boolean): void {
    for (const listener of listeners) {
      if (listener.isUp === isUp) continue;
      listener.isUp = isUp;
      // Who is being taken out by `clear` hears of it too.
      queueMicrotask(() => (isUp ? listener.onUp?.() : listener.onDown?.()));
    }
  }

  return {
    get size() {
      return listeners.size;
    },
    add(onWrite, others = {}) {
      const listener = { ...others, onWrite, isUp: false };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announce: (announcement) => tell(({ onWrite }) => onWrite(announcement)),
    announcePut: (key) => tell(({ onPut }) => onPut?.(key)),
    up: () => tellState(true),
    down: () => tellState(false),
    clear() {
      tellState(false);
      listeners.clear();
    },
  };
}
