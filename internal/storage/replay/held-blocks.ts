import { once } from "../../aggregate/once.ts";
import type { Block } from "../../aggregate/reader.ts";
import { HOURS_WITHIN, MINUTES_WITHIN, MOST_HOURS } from "../../aggregate/recent-price.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import type { Sql } from "../database.ts";
import { type BlockTable, readBlockRows, storedBlocks } from "../read-blocks.ts";
import { type BlockQuestion, type BlockRow, type BlockSource, blocksOf } from "../recent-blocks.ts";
import { together } from "../together.ts";

/**
 * Blocks for many moments of the span: those of a pair are read once, when the first is asked about, and held. What lies
 * beyond them is read each time.
 */
export function heldBlocks(sql: Sql, { from, to }: Bucket): BlockSource {
  const stored = storedBlocks(sql);
  const hours = { from: floorTo(from, HOUR) - HOURS_WITHIN, to: floorTo(to, HOUR) };
  const minutes = { from: ceilTo(from - MINUTES_WITHIN, MINUTE), to: floorTo(to, MINUTE) };
  const [heldHours, heldMinutes] = [heldIn(sql, "trades_1h", hours), heldIn(sql, "trades_1m", minutes)];
  return {
    lastHours: async (question) => {
      if (!isWithin(question.bucket, hours)) return stored.lastHours(question);
      return blocksIn(await heldHours(question), question.bucket).slice(0, MOST_HOURS);
    },
    minutes: async (question) => {
      if (!isWithin(question.bucket, minutes)) return stored.minutes(question);
      return blocksIn(await heldMinutes(question), question.bucket);
    },
  };
}

/** All blocks of a stretch, newest first, by pairs and sources. */
function heldIn(sql: Sql, table: BlockTable, stretch: Bucket): (question: BlockQuestion) => Promise<readonly Block[]> {
  const rowsOf = once(
    formatPair,
    together((pairs: readonly Pair[]) => readBlockRows(sql, table, stretch, pairs)),
  );
  return once(
    ({ pairs, sources }) => `${pairs.map(formatPair).join()} ${JSON.stringify(sources)}`,
    async ({ pairs, sources }) => {
      const counted = sources && new Set(sources);
      const rows = (await Promise.all(pairs.map(rowsOf))).flat();
      return blocksOf(rows.filter(({ source }: BlockRow) => counted === null || counted.has(source)));
    },
  );
}

function isWithin(inner: Bucket, outer: Bucket): boolean {
  return inner.from >= outer.from && inner.to <= outer.to;
}

function blocksIn(blocks: readonly Block[], { from, to }: Bucket): readonly Block[] {
  return blocks.slice(placeBefore(blocks, to), placeBefore(blocks, from));
}

/** The place of the newest block from before a moment, by bisection. */
function placeBefore(blocks: readonly Block[], moment: Micros): number {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as Block).from < moment) high = middle;
    else low = middle + 1;
  }
  return low;
}
