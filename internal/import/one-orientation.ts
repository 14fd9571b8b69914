import { formatPair, type Pair } from "../canonical/pair.ts";
import type { Write } from "./batch-writer.ts";
import type { StoredOrientations } from "./stored-orientations.ts";

/** A market, whichever way round it is written, and one of its two orientations: the same whatever names the assets have. */
interface Orientation {
  readonly market: string;
  readonly orientation: string;
}

/**
 * Writes of each market the rows of one orientation: the one that is stored already, or else came first. A price is made of
 * one orientation alone, so that the trades of the other would be lost without a word.
 */
export function inOneOrientation(write: Write, stored: Pick<StoredOrientations, "identityOf" | "inverted">): Write {
  /** The orientation that is kept, by source and market. */
  const kept = new Map<string, string>();
  const known = new Map<string, Orientation>();
  let turn: Promise<unknown> = Promise.resolve();

  const orientationOf = (pair: Pair): Orientation => {
    const name = formatPair(pair);
    let found = known.get(name);
    if (found === undefined) {
      const orientation = stored.identityOf(pair);
      const inverse = stored.identityOf({ base: pair.quote, quote: pair.base });
      found = { orientation, market: orientation < inverse ? orientation : inverse };
      known.set(name, found);
    }
    return found;
  };
  const marketOf = (row: Row): string => `${row.source} ${orientationOf(row).market}`;

  const learn = async (rows: readonly Row[]): Promise<void> => {
    const fresh = new Map<string, Row>();
    for (const row of rows) {
      const market = marketOf(row);
      if (!kept.has(market) && !fresh.has(market)) fresh.set(market, row);
    }
    if (fresh.size === 0) return;
    const inverted = await stored.inverted([...fresh.values()]);
    for (const [index, [market, { base, quote }]] of [...fresh].entries()) {
      kept.set(market, stored.identityOf(inverted.has(index) ? { base: quote, quote: base } : { base, quote }));
    }
  };

  return async (rows) => {
    // One batch after another, as the first decides about the next; they are written in the same order.
    const learnt = turn.then(() => learn(rows));
    turn = learnt.catch(() => {});
    await learnt;
    const isKept = (row: Row): boolean => kept.get(marketOf(row)) === orientationOf(row).orientation;
    const outcome = await write(rows.filter(isKept));
    return { ...outcome, inverted: rows.filter((row) => !isKept(row)) };
  };
}

type Row = Parameters<Write>[0][number];
