import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import { makeBatcher } from "../../lib/batcher.ts";
import { memoize } from "../../lib/memoize.ts";
import type { Block } from "../../policy/reader.ts";
import { HOURS_LOOKBACK, MAX_HOURS, MINUTES_LOOKBACK } from "../../policy/recent-price.ts";
import type { Sql } from "../connection/pool.ts";
import { readBlockRows, storedBlocks } from "../windows/read-blocks.ts";
import { type BlockQuestion, type BlockRow, type BlockSource, blocksOf } from "../windows/recent-blocks.ts";

/** Returns the rows of a pair, newest first. */
type RowsOf = (pair: Pair) => Promise<readonly BlockRow[]>;

/**
 * Returns a block source for many times in the span: all blocks of a pair are read at its first query and kept. Queries
 * beyond the preloaded range go to the database each time.
 */
export function preloadedBlocks(sql: Sql, { from, to }: Bucket): BlockSource {
  const stored = storedBlocks(sql);
  const hours = { from: floorTo(from, HOUR) - HOURS_LOOKBACK, to: floorTo(to, HOUR) };
  const minutes = { from: ceilTo(from - MINUTES_LOOKBACK, MINUTE), to: floorTo(to, MINUTE) };
  const preload = (table: "trades_1h" | "trades_1m", range: Bucket, most: number): BlockSource["minutes"] => {
    const rowsOf: RowsOf = memoize(
      formatPair,
      makeBatcher((pairs) => readBlockRows(sql, table, range, pairs)),
    );
    const beyond = table === "trades_1h" ? stored.lastHours : stored.minutes;
    return (question) => (isWithin(question.bucket, range) ? blocksFrom(rowsOf, question, most) : beyond(question));
  };
  return {
    lastHours: preload("trades_1h", hours, MAX_HOURS),
    minutes: preload("trades_1m", minutes, Number.POSITIVE_INFINITY),
  };
}

function isWithin(inner: Bucket, outer: Bucket): boolean {
  return inner.from >= outer.from && inner.to <= outer.to;
}

async function blocksFrom(rowsOf: RowsOf, question: BlockQuestion, most: number): Promise<Block[]> {
  const { pairs, bucket, sources, minQuoteVolume } = question;
  const counted = sources && new Set(sources);
  const isSelected = ({ source, quote }: BlockRow): boolean =>
    (counted === null || counted.has(source)) &&
    (minQuoteVolume === null || !parseDecimal(quote).lessThan(minQuoteVolume));
  const rows = await Promise.all(pairs.map(rowsOf));
  return blocksOf(rows.flatMap((ofPair) => lastRows(ofPair, bucket, isSelected, most)));
}

/** Returns the selected rows of the last `most` blocks in the bucket. */
function lastRows(
  rows: readonly BlockRow[],
  { from, to }: Bucket,
  isSelected: (row: BlockRow) => boolean,
  most: number,
): BlockRow[] {
  const found: BlockRow[] = [];
  let blocks = 0;
  let last: Micros | null = null;
  for (let place = firstBefore(rows, to); place < rows.length; place++) {
    const row = rows[place] as BlockRow;
    if (row.from < from) break;
    if (!isSelected(row)) continue;
    if (row.from !== last && ++blocks > most) break;
    last = row.from;
    found.push(row);
  }
  return found;
}

/** Returns the index of the newest row before `to`, by binary search. */
function firstBefore(rows: readonly BlockRow[], to: Micros): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as BlockRow).from < to) high = middle;
    else low = middle + 1;
  }
  return low;
}
