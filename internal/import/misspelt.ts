import { knownSpelling, type Spellings } from "../canonical/known-assets.ts";
import { formatPair, type Pair } from "../canonical/pair.ts";

const PAIRS_NAMED = 20;

/** The rows of a file whose assets differ from known ones only in case. */
export interface Misspelt {
  /** By pair, the first few: how many rows, and which pair may be meant. */
  readonly pairs: ReadonlyMap<string, { readonly rows: number; readonly meant: string }>;
  /** Rows of further pairs. */
  readonly others: number;
}

export interface MisspeltCounter extends Misspelt {
  add(pair: Pair): void;
}

/** A file is imported as it is written: what nobody may have meant is counted, in memory that does not grow with it. */
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
