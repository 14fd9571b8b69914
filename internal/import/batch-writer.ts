import { formatPair } from "../canonical/pair.ts";
import type { TradeRow } from "../canonical/trade.ts";
import type { Market } from "../storage/trades/orientations.ts";
import type { WriteOutcome } from "../storage/trades/trades.ts";
import type { FileLine } from "./file-kind.ts";

/** A trade to write, with its line in the file. */
export type FiledRow = FileLine<TradeRow>;

/** The outcome of a batch; `inverted` rows were refused because their market is stored in the inverse orientation. */
export interface BatchOutcome extends WriteOutcome<FiledRow> {
  readonly inverted?: readonly FiledRow[];
}

/** Stores a batch atomically and idempotently. */
export type Write = (rows: readonly FiledRow[]) => Promise<BatchOutcome>;

/** The refused rows of a market that is stored in the inverse orientation. */
export interface InvertedRows extends Market {
  rows: number;
  /** The line of the first refused row. */
  readonly line: number;
}

/**
 * Outcome counts of the rows so far. `known` rows were stored before; of these, `conflicting` ones with other amounts.
 */
export interface WriteCounts {
  new: number;
  known: number;
  conflicting: number;
  /** The first conflicting rows, as they are in the file. */
  conflicts: FiledRow[];
  /** Refused rows of markets that are stored in the inverse orientation, by pair and source. */
  inverted: Map<string, InvertedRows>;
}

export const CONFLICTS_NAMED = 5;

export interface BatchWriter {
  /** Adds a row; returns true if the batch is full, so that {@link flush} must be called. */
  add(row: FiledRow): boolean;
  /**
   * Starts writing the current batch and waits until the batch before the previous one is stored. So at most two
   * batches are in flight while the next one fills.
   */
  flush(): Promise<void>;
  /** Waits for the batches in flight. */
  settle(): Promise<void>;
}

/**
 * Creates a batch writer. `flush` and `settle` reject with errors of `write`. `counts` is updated after each batch.
 * @param write must store batches in call order, because earlier rows decide whether a row is new
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
      // The next flush or settle reports a failure; until then it must not be an unhandled rejection.
      last.catch(() => {});
    },
    async settle() {
      const [first, second] = await Promise.allSettled([beforeLast, last]);
      const failed = first.status === "rejected" ? first : second;
      if (failed.status === "rejected") throw failed.reason;
    },
  };
}
