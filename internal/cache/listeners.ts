import type { Announcement } from "./keys.ts";
import type { Subscriber } from "./store.ts";

/** The subscribers of writes, each called in a microtask of its own, so that an error of one does not affect others. */
export interface Listeners {
  readonly size: number;
  /** Adds a listener, and returns a function that removes it. */
  add(onWrite: (announcement: Announcement) => void, others?: Subscriber): () => void;
  announce(announcement: Announcement): void;
  announcePut(key: string): void;
  /** Calls `onUp` of all listeners that are down. */
  up(): void;
  /** Calls `onDown` of all listeners that are up. */
  down(): void;
  /** Calls `onDown` likewise, and removes all listeners. */
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
      // Also for listeners that `clear` has removed meanwhile.
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
