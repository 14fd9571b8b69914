import type { PriceStore } from "../../cache/store.ts";

/** A subscription to a store that comes about when it can. */
export interface Following {
  /** Subscribes, unless that is done. @throws Error where the store does not answer within seconds */
  readonly subscribe: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/**
 * Calls `wake` for announcements of these keys, and when announcements have become complete, since some may have been
 * missed before.
 */
export function followStore(
  store: Pick<PriceStore, "subscribe">,
  isOurs: (key: string) => boolean,
  wake: () => void,
): Following {
  let unsubscribe: (() => Promise<void>) | null = null;
  const heard = (key: string): void => {
    if (isOurs(key)) wake();
  };
  return {
    subscribe: async () => {
      unsubscribe ??= await store.subscribe(({ key }) => heard(key), { onPut: heard, onUp: wake });
    },
    stop: async () => unsubscribe?.(),
  };
}
