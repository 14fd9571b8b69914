import { knownSpelling, type Spellings } from "../canonical/known-assets.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";

const PAIRS_NAMED = 20;

/** The rows of a file whose assets differ from known ones only in case. */
export interface Misspelt {
  /** The first such pairs, with the number of rows and the pair that is probably meant. */
  readonly pairs: ReadonlyMap<string, { readonly rows: number; readonly meant: string }>;
  /** Number of rows of further such pairs. */
  readonly others: number;
}

export interface MisspeltCounter extends Misspelt {
  add(pair: Pair): void;
}

/** Counts rows with probably misspelt assets, which are imported unchanged; memory does not grow with the file. */
export function createMisspeltCounter(spellings?: Spellings): MisspeltCounter {
  const pairs = new Map<string, { rows: number; readonly meant: string }>();
  let others = 0;
  return {
    pairs,
    get others() {
      return others;
    },
    add(pair) {
      const base = knownSpelling(pair.base, spellings);
      const quote = knownSpelling(pair.quote, spellings);
      if (base === null && quote === null) return;
      const text = formatPair(pair);
      const counted = pairs.get(text);
      if (counted !== undefined) counted.rows += 1;
      else if (pairs.size < PAIRS_NAMED) {
        pairs.set(text, { rows: 1, meant: `${base ?? pair.base}/${quote ?? pair.quote}` });
      } else others += 1;
    },
  };
}
