import { formatPair } from "../canonical/pair.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Market } from "../storage/orientations.ts";
import type { Write } from "./batch-writer.ts";

/** The markets, by position, that are stored the other way round only. */
export type ReadInverted = (markets: readonly Market[]) => Promise<ReadonlySet<number>>;

/**
 * Writes of each market the rows of one orientation: the one that is stored already, or else came first. A price is made of
 * one orientation alone, so that the trades of the other would be lost without a word.
 */
export function inOneOrientation(write: Write, readInverted: ReadInverted): Write {
  const orientations = new Map<string, string>();
  let turn: Promise<unknown> = Promise.resolve();

  const learn = async (rows: readonly TradeRow[]): Promise<void> => {
    const fresh = new Map<string, TradeRow>();
    for (const row of rows) {
      const name = marketOf(row);
      if (!orientations.has(name) && !fresh.has(name)) fresh.set(name, row);
    }
    if (fresh.size === 0) return;
    const inverted = await readInverted([...fresh.values()]);
    for (const [index, [name, { base, quote }]] of [...fresh].entries()) {
      orientations.set(name, formatPair(inverted.has(index) ? { base: quote, quote: base } : { base, quote }));
    }
  };

  return async (rows) => {
    // One batch after another, as the first decides about the next; they are written in the same order.
    const learnt = turn.then(() => learn(rows));
    turn = learnt.catch(() => {});
    await learnt;
    const isKept = (row: TradeRow): boolean => orientations.get(marketOf(row)) === formatPair(row);
    const outcome = await write(rows.filter(isKept));
    return { ...outcome, inverted: rows.filter((row) => !isKept(row)) };
  };
}

/** The same for both orientations. */
function marketOf({ base, quote, source }: Market): string {
  return `${source} ${[base, quote].sort().join(" ")}`;
}
