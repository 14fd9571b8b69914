import { setBounded } from "../cache/bounded.ts";

/** How long what was logged stands for all of its kind. */
const STANDS_SECONDS = 60;
/** Kinds that are told apart at once. */
const MOST_KINDS = 100;

/** Tells what has to be said from what has been said just now. */
export interface Repeats {
  /**
   * Calls `log` where nothing of the kind was logged within a minute, with how many of it there were since that were not.
   * What differs in numbers only, such as times, is of a kind.
   */
  log(kind: string, log: (repeated: { readonly repeated?: number }) => void): void;
}

/** @param stopwatch seconds on a clock that only goes forward */
export function makeRepeats(stopwatch: () => number): Repeats {
  const kinds = new Map<string, { readonly until: number; repeated: number }>();
  return {
    log: (kind, log) => {
      const key = kind.replace(/\d+/g, "0");
      const known = kinds.get(key);
      if (known !== undefined && stopwatch() < known.until) {
        known.repeated++;
        return;
      }
      setBounded(kinds, key, { until: stopwatch() + STANDS_SECONDS, repeated: 0 }, MOST_KINDS);
      log(known === undefined || known.repeated === 0 ? {} : { repeated: known.repeated });
    },
  };
}
