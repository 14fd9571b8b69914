import type { Block, SourceVolumes, TradeReader } from "../aggregate/reader.ts";
import { FEWEST_HOURS, HOURS_WITHIN, MINUTES_WITHIN, MOST_HOURS } from "../aggregate/recent-price.ts";
import { type Bucket, HOUR, MINUTE } from "../canonical/bucket.ts";
import { compareBytes } from "../canonical/compare.ts";
import type { Pair } from "../canonical/pair.ts";
import { ceilTo, floorTo, type Micros } from "../canonical/time.ts";
import { type Horizons, requireRows } from "./horizons.ts";

/** Blocks of pairs whose trades count together, of some sources or of any (null), newest first. */
export interface BlockQuestion {
  readonly pairs: readonly Pair[];
  readonly bucket: Bucket;
  readonly sources: readonly string[] | null;
}

/** Where blocks come from. */
export interface BlockSource {
  /** The last {@link MOST_HOURS} hours with trades, or more of them. */
  readonly lastHours: (question: BlockQuestion) => Promise<readonly Block[]>;
  /** All minutes with trades. */
  readonly minutes: (question: BlockQuestion) => Promise<readonly Block[]>;
}

/**
 * Answers from hours, and from minutes where these are too few. See {@link TradeReader.recentBlocks}.
 * @throws RawDataExpired where the rollups do not reach back as far as it looked
 */
export function recentBlocksFrom(horizons: Horizons, { lastHours, minutes }: BlockSource): TradeReader["recentBlocks"] {
  return async (pairs, before, sources) => {
    const end = floorTo(before, HOUR);
    const within = { from: end - HOURS_WITHIN, to: end };
    const hours = (await lastHours({ pairs, bucket: within, sources })).slice(0, MOST_HOURS);
    // What lies before the last hour that is wanted decides nothing.
    const from = (hours[MOST_HOURS - 1] ?? within).from;
    requireRows(horizons, { hours: [{ from, to: end }] });
    if (hours.length >= FEWEST_HOURS) return { hours, minutes: [] };
    const bucket = { from: ceilTo(before - MINUTES_WITHIN, MINUTE), to: floorTo(before, MINUTE) };
    requireRows(horizons, { minutes: [bucket] });
    return { hours, minutes: await minutes({ pairs, bucket, sources }) };
  };
}

/** The rollup of one hour or minute, of one source of one pair. */
export interface BlockRow extends SourceVolumes {
  readonly from: Micros;
}

/** Rows as blocks, newest first; those of one block and source are added up. */
export function blocksOf(rows: readonly BlockRow[]): Block[] {
  const blocks = new Map<Micros, Map<string, SourceVolumes>>();
  for (const { from, ...volumes } of rows) {
    const block = blocks.get(from) ?? new Map<string, SourceVolumes>();
    blocks.set(from, block);
    const before = block.get(volumes.source);
    block.set(volumes.source, before === undefined ? volumes : added(before, volumes));
  }
  return [...blocks]
    .sort(([one], [other]) => Number(other - one))
    .map(([from, block]) => ({
      from,
      sources: [...block.values()].sort((a, b) => compareBytes(a.source, b.source)),
    }));
}

function added(one: SourceVolumes, other: SourceVolumes): SourceVolumes {
  return {
    source: one.source,
    tradeCount: one.tradeCount + other.tradeCount,
    baseVolume: one.baseVolume.plus(other.baseVolume),
    quoteVolume: one.quoteVolume.plus(other.quoteVolume),
  };
}
