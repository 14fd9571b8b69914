import { once } from "../../aggregate/once.ts";
import type { Block } from "../../aggregate/reader.ts";
import { HOURS_WITHIN, MINUTES_WITHIN, MOST_HOURS } from "../../aggregate/recent-price.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import type { Sql } from "../database.ts";
import { readBlockRows, storedBlocks } from "../read-blocks.ts";
import { type BlockQuestion, type BlockRow, type BlockSource, blocksOf } from "../recent-blocks.ts";
import { together } from "../together.ts";

/** Rows of one pair, newest first. */
type RowsOf = (pair: Pair) => Promise<readonly BlockRow[]>;

/**
 * Blocks for many moments of the span: those of a pair are read once, when the first is asked about, and held. What lies
 * beyond them is read each time.
 */
export function heldBlocks(sql: Sql, { from, to }: Bucket): BlockSource {
  const stored = storedBlocks(sql);
  const hours = { from: floorTo(from, HOUR) - HOURS_WITHIN, to: floorTo(to, HOUR) };
  const minutes = { from: ceilTo(from - MINUTES_WITHIN, MINUTE), to: floorTo(to, MINUTE) };
  const held = (table: "trades_1h" | "trades_1m", stretch: Bucket, most: number): BlockSource["minutes"] => {
    const rowsOf: RowsOf = once(
      formatPair,
      together((pairs) => readBlockRows(sql, table, stretch, pairs)),
    );
    const beyond = table === "trades_1h" ? stored.lastHours : stored.minutes;
    return (question) => (isWithin(question.bucket, stretch) ? blocksFrom(rowsOf, question, most) : beyond(question));
  };
  return {
    lastHours: held("trades_1h", hours, MOST_HOURS),
    minutes: held("trades_1m", minutes, Number.POSITIVE_INFINITY),
  };
}

function isWithin(inner: Bucket, outer: Bucket): boolean {
  return inner.from >= outer.from && inner.to <= outer.to;
}

async function blocksFrom(rowsOf: RowsOf, question: BlockQuestion, most: number): Promise<Block[]> {
  const { pairs, bucket, sources, leastQuote } = question;
  const counted = sources && new Set(sources);
  const isSelected = ({ source, quote }: BlockRow): boolean =>
    (counted === null || counted.has(source)) && (leastQuote === null || !parseDecimal(quote).lessThan(leastQuote));
  const rows = await Promise.all(pairs.map(rowsOf));
  return blocksOf(rows.flatMap((ofPair) => lastRows(ofPair, bucket, isSelected, most)));
}

/** The rows of the last blocks of the bucket. */
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

/** The place of the newest row from before a moment, by bisection. */
function firstBefore(rows: readonly BlockRow[], to: Micros): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as BlockRow).from < to) high = middle;
    else low = middle + 1;
  }
  return low;
}
