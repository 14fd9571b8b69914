import { formatPair, type Pair } from "../canonical/pair.ts";
import { setBounded } from "../lib/bounded-map.ts";
import type { Market } from "../storage/trades/orientations.ts";
import type { StoredOrientations } from "./stored-orientations.ts";

/** Keys of a market (independent of orientation) and of one orientation; both are the same for all aliases. */
interface Orientation {
  readonly market: string;
  readonly orientation: string;
}

/** The most markets that are remembered; another one replaces the oldest, and is looked up again. */
const MAX_MARKETS = 100_000;

/** For how long the accepted orientation of a market is remembered before it is looked up again. */
interface Memory {
  readonly seconds: number;
  /** A monotonic clock, in seconds. */
  readonly stopwatch: () => number;
}

/** For the rows of one import, which are not stored yet when the next ones are checked. */
const TO_THE_END: Memory = { seconds: Number.POSITIVE_INFINITY, stopwatch: () => 0 };

/** Tells which trades are in the orientation of their market: the stored one, or else that of the first trade. */
export type OrientationRule = <Row extends Market>(rows: readonly Row[]) => Promise<(row: Row) => boolean>;

/**
 * Returns the rule that each market is written in one orientation. A price uses only one, so that trades of the other
 * would silently be missing. Calls are handled in order, as the first trade of a market decides.
 * @param memory what is stored can change meanwhile, by other processes or an operator
 */
export function makeOrientationRule(
  stored: Pick<StoredOrientations, "identityOf" | "inverted">,
  { seconds, stopwatch }: Memory = TO_THE_END,
): OrientationRule {
  /** The accepted orientation by source and market, and until when it is believed. */
  const kept = new Map<string, { readonly orientation: string; readonly until: number }>();
  const known = new Map<string, Orientation>();
  let turn: Promise<unknown> = Promise.resolve();

  const orientationOf = (pair: Pair): Orientation => {
    const name = formatPair(pair);
    let found = known.get(name);
    if (found === undefined) {
      const orientation = stored.identityOf(pair);
      const inverse = stored.identityOf({ base: pair.quote, quote: pair.base });
      found = { orientation, market: orientation < inverse ? orientation : inverse };
      setBounded(known, name, found, MAX_MARKETS);
    }
    return found;
  };
  const marketOf = (row: Market): string => `${row.source} ${orientationOf(row).market}`;

  /** @returns the accepted orientations of the rows' markets */
  const learn = async (rows: readonly Market[]): Promise<ReadonlyMap<string, string>> => {
    const fresh = new Map<string, Market>();
    const accepted = new Map<string, string>();
    const at = stopwatch();
    for (const row of rows) {
      const market = marketOf(row);
      const known = kept.get(market);
      if (known !== undefined && at < known.until) accepted.set(market, known.orientation);
      else if (!fresh.has(market)) fresh.set(market, row);
    }
    if (fresh.size === 0) return accepted;
    const inverted = await stored.inverted([...fresh.values()]);
    for (const [index, [market, { base, quote }]] of [...fresh].entries()) {
      const orientation = stored.identityOf(inverted.has(index) ? { base: quote, quote: base } : { base, quote });
      accepted.set(market, orientation);
      setBounded(kept, market, { orientation, until: at + seconds }, MAX_MARKETS);
    }
    return accepted;
  };

  return async (rows) => {
    const learnt = turn.then(() => learn(rows));
    turn = learnt.catch(() => {});
    const accepted = await learnt;
    return (row) => accepted.get(marketOf(row)) === orientationOf(row).orientation;
  };
}
