import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import type { Decimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../../canonical/time.ts";
import type { Block, TradeReader } from "../../policy/reader.ts";
import { HOURS_LOOKBACK, MAX_HOURS, MINUTES_LOOKBACK } from "../../policy/recent-price.ts";
import { type Horizons, requireRows } from "../retention/horizons.ts";

/** A query for blocks of pairs whose trades count together. */
export interface BlockQuestion {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  /** Null for any source. */
  readonly sources: readonly string[] | null;
  /** Rows with less quote volume are ignored; null for no minimum. */
  readonly minQuoteVolume: Decimal | null;
}

/** Reads blocks, newest first. */
export interface BlockSource {
  /** Returns at least the last {@link MAX_HOURS} hours with trades. */
  readonly lastHours: (question: BlockQuestion) => Promise<readonly Block[]>;
  /** Returns all minutes with trades. */
  readonly minutes: (question: BlockQuestion) => Promise<readonly Block[]>;
}

/**
 * Makes a reader that returns the last hours, or minutes if there are no hours. See {@link TradeReader.recentBlocks}.
 * @throws RawDataExpired if retention has removed rollups of the searched range
 */
export function recentBlocksFrom(horizons: Horizons, { lastHours, minutes }: BlockSource): TradeReader["recentBlocks"] {
  return async (pairs, before, sources, minQuoteVolume) => {
    const end = floorTo(before, HOUR);
    const within = { from: end - HOURS_LOOKBACK, to: end };
    const hours = (await lastHours({ pairs, bucket: within, sources, minQuoteVolume })).slice(0, MAX_HOURS);
    // Hours before the last wanted one are not needed.
    const from = (hours[MAX_HOURS - 1] ?? within).from;
    requireRows(horizons, { hours: [{ from, to: end }] });
    if (hours.length > 0) return { hours, minutes: [] };
    const bucket = { from: ceilTo(before - MINUTES_LOOKBACK, MINUTE), to: floorTo(before, MINUTE) };
    requireRows(horizons, { minutes: [bucket] });
    return { hours, minutes: await minutes({ pairs, bucket, sources, minQuoteVolume }) };
  };
}

/** The hour or minute rollup of one source of a pair; volumes as text. */
export interface BlockRow {
  readonly from: Micros;
  readonly source: string;
  readonly base: string;
  readonly quote: string;
}

/** Groups rows to blocks, newest first; rows of one block and source are collected together. */
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
