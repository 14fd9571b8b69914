import { setBounded } from "./bounded-map.ts";

/** How long further messages of a kind are suppressed after one was logged. */
const SUPPRESS_SECONDS = 60;
/** Maximum number of kinds that are tracked. */
const MAX_KINDS = 100;

/** Suppresses repeated log messages. */
export interface LogDeduplicator {
  /**
   * Calls `log` unless a message of the kind was logged within the last minute, with the number of messages suppressed
   * since. Kinds that differ only in numbers, such as times, are the same.
   */
  log(kind: string, log: (repeated: { readonly repeated?: number }) => void): void;
}

/** @param stopwatch seconds on a monotonic clock */
export function makeLogDeduplicator(stopwatch: () => number): LogDeduplicator {
  const kinds = new Map<string, { readonly until: number; repeated: number }>();
  return {
    log: (kind, log) => {
      const key = kind.replace(/\d+/g, "0");
      const known = kinds.get(key);
      if (known !== undefined && stopwatch() < known.until) {
        known.repeated++;
        return;
      }
      setBounded(kinds, key, { until: stopwatch() + SUPPRESS_SECONDS, repeated: 0 }, MAX_KINDS);
      log(known === undefined || known.repeated === 0 ? {} : { repeated: known.repeated });
    },
  };
}
