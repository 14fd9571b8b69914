import type { Block, TradeReader } from "../aggregate/reader.ts";
import { HOURS_WITHIN, MINUTES_WITHIN, MOST_HOURS } from "../aggregate/recent-price.ts";
import { type Bucket, HOUR, MINUTE } from "../canonical/bucket.ts";
import { compareBytes } from "../canonical/compare.ts";
import type { Decimal } from "../canonical/decimal.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../canonical/time.ts";
import { type Horizons, requireRows } from "./horizons.ts";

/** Blocks of pairs whose trades count together, newest first. */
export interface BlockQuestion {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  /** Null: any. */
  readonly sources: readonly string[] | null;
  /** Rows with less quote volume are left out; null: none are. */
  readonly leastQuote: Decimal | null;
}

/** Where blocks come from. */
export interface BlockSource {
  /** The last {@link MOST_HOURS} hours with trades, or more of them. */
  readonly lastHours: (question: BlockQuestion) => Promise<readonly Block[]>;
  /** All minutes with trades. */
  readonly minutes: (question: BlockQuestion) => Promise<readonly Block[]>;
}

/**
 * Answers from hours, and from minutes where there are none. See {@link TradeReader.recentBlocks}.
 * @throws RawDataExpired where the rollups do not reach back as far as it looked
 */
export function recentBlocksFrom(horizons: Horizons, { lastHours, minutes }: BlockSource): TradeReader["recentBlocks"] {
  return async (pairs, before, sources, leastQuote) => {
    const end = floorTo(before, HOUR);
    const within = { from: end - HOURS_WITHIN, to: end };
    const hours = (await lastHours({ pairs, bucket: within, sources, leastQuote })).slice(0, MOST_HOURS);
    // What lies before the last hour that is wanted decides nothing.
    const from = (hours[MOST_HOURS - 1] ?? within).from;
    requireRows(horizons, { hours: [{ from, to: end }] });
    if (hours.length > 0) return { hours, minutes: [] };
    const bucket = { from: ceilTo(before - MINUTES_WITHIN, MINUTE), to: floorTo(before, MINUTE) };
    requireRows(horizons, { minutes: [bucket] });
    return { hours, minutes: await minutes({ pairs, bucket, sources, leastQuote }) };
  };
}

/** The rollup of one hour or minute, of one source of one pair; volumes as texts. */
export interface BlockRow {
  readonly from: Micros;
  readonly source: string;
  readonly base: string;
  readonly quote: string;
}

/** Rows as blocks, newest first; those of one block and source belong together. */
export function blocksOf(rows: readonly BlockRow[]): Block[] {
  const blocks = new Map<Micros, { source: string; base: string[]; quote: string[] }[]>();
  for (const { from, source, base, quote } of rows) {
    const block = blocks.get(from) ?? [];
    if (block.length === 0) blocks.set(from, block);
    const volumes = block.find((each) => each.source === source);
    if (volumes === undefined) block.push({ source, base: [base], quote: [quote] });
    else {
      volumes.base.push(base);
      volumes.quote.push(quote);
    }
  }
  return [...blocks]
    .sort(([one], [other]) => Number(other - one))
    .map(([from, sources]) => ({ from, sources: sources.sort((a, b) => compareBytes(a.source, b.source)) }));
}
