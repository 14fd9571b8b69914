import { formatPair, type Pair } from "../canonical/pair.ts";
import type { Write } from "./batch-writer.ts";
import type { StoredOrientations } from "./stored-orientations.ts";

/** Keys of a market (independent of orientation) and of one orientation; both are the same for all aliases. */
interface Orientation {
  readonly market: string;
  readonly orientation: string;
}

/**
 * Returns a `write` that stores only one orientation of each market: the stored one, or else that of the first row. A
 * price uses only one orientation, so that trades of the other would silently be missing.
 */
export function inOneOrientation(write: Write, stored: Pick<StoredOrientations, "identityOf" | "inverted">): Write {
  /** The accepted orientation by source and market. */
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
    // Batches are handled in order because the first row of a market decides its orientation.
    const learnt = turn.then(() => learn(rows));
    turn = learnt.catch(() => {});
    await learnt;
    const isKept = (row: Row): boolean => kept.get(marketOf(row)) === orientationOf(row).orientation;
    const outcome = await write(rows.filter(isKept));
    return { ...outcome, inverted: rows.filter((row) => !isKept(row)) };
  };
}

type Row = Parameters<Write>[0][number];
