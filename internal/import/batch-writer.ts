import { formatPair } from "../canonical/pair.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Market } from "../storage/orientations.ts";
import type { WriteOutcome } from "../storage/trades.ts";
import type { FileLine } from "./file-kind.ts";

/** A row as it is written, and the line that it is from. */
export type FiledRow = FileLine<TradeRow>;

/** What became of a batch; `inverted` rows were refused, as their market is stored the other way round. */
export interface BatchOutcome extends WriteOutcome<FiledRow> {
  readonly inverted?: readonly FiledRow[];
}

/** Stores a batch atomically; to store it again changes nothing. */
export type Write = (rows: readonly FiledRow[]) => Promise<BatchOutcome>;

/** The rows of a market that were refused, as it is stored the other way round. */
export interface InvertedRows extends Market {
  rows: number;
  /** The line of the first of them. */
  readonly line: number;
}

/** What has become of the rows written so far. `conflicting` ones are a part of `known`: stored with other amounts. */
export interface WriteCounts {
  new: number;
  known: number;
  conflicting: number;
  /** The first few of the conflicting rows, as they were to be written. */
  conflicts: FiledRow[];
  /** Rows that were refused because their market is stored the other way round, by pair and source. */
  inverted: Map<string, InvertedRows>;
}

export const CONFLICTS_NAMED = 5;

export interface BatchWriter {
  /** Takes a row; true where a batch is full and {@link flush} is due. */
  add(row: FiledRow): boolean;
  /**
   * Starts writing what was added, once the batch before the last is stored: one is written, and one waits behind it, while
   * the next fills up.
   */
  flush(): Promise<void>;
  /** Waits for the batches in flight. */
  settle(): Promise<void>;
}

/**
 * Both waits throw what `write` throws. `counts` is kept up to date.
 * @param write stores batches in the order in which it is called: a row is known or new by what came before it
 */
export function createBatchWriter(write: Write, batchSize: number, counts: WriteCounts): BatchWriter {
  let batch: FiledRow[] = [];
  let last: Promise<void> = Promise.resolve();
  let beforeLast = last;

  const writeOut = async (rows: readonly FiledRow[]): Promise<void> => {
    const outcome = await write(rows);
    counts.new += outcome.inserted;
    counts.known += outcome.known;
    counts.conflicting += outcome.conflicting.length;
    counts.conflicts.push(...outcome.conflicting.slice(0, CONFLICTS_NAMED - counts.conflicts.length));
    for (const { base, quote, source, line } of outcome.inverted ?? []) {
      const market = `${formatPair({ base, quote })} at ${source}`;
      const counted = counts.inverted.get(market);
      if (counted === undefined) counts.inverted.set(market, { base, quote, source, line, rows: 1 });
      else counted.rows += 1;
    }
  };

  return {
    add: (row) => batch.push(row) >= batchSize,
    async flush() {
      await beforeLast;
      if (batch.length === 0) return;
      beforeLast = last;
      last = writeOut(batch);
      batch = [];
      // The next wait reports a failure; until then it must not count as unhandled.
      last.catch(() => {});
    },
    async settle() {
      const [first, second] = await Promise.allSettled([beforeLast, last]);
      const failed = first.status === "rejected" ? first : second;
      if (failed.status === "rejected") throw failed.reason;
    },
  };
}
