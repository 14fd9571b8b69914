import type { Announcement } from "./keys.ts";

/** Those who want to hear of writes. */
export interface Listeners {
  readonly size: number;
  /** Returns a function that takes the listener out again, for good. */
  add(onWrite: (announcement: Announcement) => void): () => void;
  /** Calls every listener, each in a microtask of its own: what one throws reaches neither the others nor the store. */
  announce(announcement: Announcement): void;
  clear(): void;
}

export function makeListeners(): Listeners {
  const listeners = new Set<{ readonly onWrite: (announcement: Announcement) => void }>();
  return {
    get size() {
      return listeners.size;
    },
    add(onWrite) {
      const listener = { onWrite };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    announce(announcement) {
      for (const listener of listeners) {
        queueMicrotask(() => {
          if (listeners.has(listener)) listener.onWrite(announcement);
        });
      }
    },
    clear() {
      listeners.clear();
    },
  };
}
