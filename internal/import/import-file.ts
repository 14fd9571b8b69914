import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../canonical/input-error.ts";
import type { Spellings } from "../canonical/known-assets.ts";
import type { Micros } from "../canonical/time.ts";
import { BrokenFile } from "../lib/broken-file.ts";
import { cureOf } from "../storage/connection/cure.ts";
import { isSerializationFailure, isTimedOut, isUnavailable } from "../storage/connection/errors.ts";
import { createBatchWriter, type FiledRow, type Write, type WriteCounts } from "./batch-writer.ts";
import type { BadRow, FileKind, FileLine } from "./file-kind.ts";
import type { Recognition } from "./formats/recognition.ts";
import { fileInput, type Input } from "./input.ts";
import { createMisspeltCounter, type Misspelt } from "./misspelt.ts";
import { createOccurrenceCounter, type NextOccurrence } from "./occurrences.ts";
import { readTrades } from "./read-trades.ts";
import { ID_SCHEMES, type IdMode, type IdScheme } from "./trade-id.ts";
import { TRADE_FILE } from "./trade-row.ts";

const BATCH_SIZE = 5000;

export interface ImportOptions {
  readonly write: Write;
  /** The kind of file; trades by default. */
  readonly kind?: FileKind;
  /** How files in other forms than those of the kind are recognized; without it, they are refused. */
  readonly recognition?: Recognition;
  /** How rows without a trade id get one; see `trade-id.ts`. `hash` by default. */
  readonly ids?: IdMode;
  /** Spellings of further known assets. */
  readonly spellings?: Spellings;
  /** Called for every bad row, in file order. */
  readonly onBadRow?: (row: BadRow) => void;
  /** Called with bytes on disk; the total doubles if rows without ids require a second pass. */
  readonly onProgress?: (bytesRead: number, bytesTotal: number) => void;
  /** Ends the import early; rows read before are still stored. */
  readonly signal?: AbortSignal;
  /** Rows per write; up to two batches are in flight while the next is read. */
  readonly batchSize?: number;
}

/** How the import of a file ended. It can always be repeated from the start. */
export type ImportEnd =
  | { readonly kind: "complete" | "interrupted" }
  /**
   * `refused`: not a file of this kind, or not in the order that `--ids place` needs. `broken`: not readable to its
   * end.
   */
  | { readonly kind: "refused" | "broken"; readonly reason: string }
  /** Storing failed. `isPassing` if the failure is transient, so that a retry may succeed. */
  | { readonly kind: "failed"; readonly reason: string; readonly isPassing: boolean };

export interface ImportResult extends Readonly<WriteCounts> {
  /** Number of bad rows, including `inverted` ones. */
  readonly bad: number;
  /** Number of skipped rows by kind; see {@link SkippedRow}. */
  readonly skipped: ReadonlyMap<string, number>;
  readonly misspelt: Misspelt;
  readonly end: ImportEnd;
}

/**
 * Writes the trades of a file in batches; memory does not grow with the file. Bad rows are skipped. A row without a
 * trade id gets a reproducible one; for such rows the file is read twice.
 * @param file an input, or the path of a file
 * @returns the outcome of the rows; a file that cannot be imported completely is reported in `end`, not thrown
 */
export async function importFile(file: string | Input, options: ImportOptions): Promise<ImportResult> {
  const { write, kind = TRADE_FILE, ids = "hash", onBadRow, onProgress, signal, batchSize = BATCH_SIZE } = options;
  const input = typeof file === "string" ? fileInput(file) : file;
  const counts: WriteCounts = { new: 0, known: 0, conflicting: 0, conflicts: [], inverted: new Map() };
  const misspelt = createMisspeltCounter(options.spellings);
  const scheme = ID_SCHEMES[ids];
  const writer = createBatchWriter(write, batchSize, counts);
  const skipped = new Map<string, number>();
  let bad = 0;
  let scratch: string | null = null;

  const readAll = async (): Promise<ImportEnd> => {
    const size = await input.size();
    let read = 0;
    let passes = 1;
    const onBytes = (count: number): void => {
      read += count;
      onProgress?.(read, passes * size);
    };
    let nextOccurrence: NextOccurrence | null = null;
    for await (const rows of readTrades(input, kind, onBytes, options.recognition)) {
      for (const row of rows) {
        if ("reason" in row) {
          bad += 1;
          onBadRow?.(row);
          continue;
        }
        if ("skipped" in row) {
          skipped.set(row.skipped, (skipped.get(row.skipped) ?? 0) + 1);
          continue;
        }
        misspelt.add(row);
        let trade: FiledRow;
        if (hasId(row)) {
          trade = row;
        } else {
          if (nextOccurrence === null) {
            passes = 2;
            try {
              scratch = await mkdtemp(join(tmpdir(), "stellarindex-import-"));
              const again = options.recognition && { given: options.recognition.given };
              nextOccurrence = await numberRows(readTrades(input, kind, onBytes, again), scheme, scratch, signal);
            } catch (error) {
              throw explainScratch(error);
            }
            if (signal?.aborted) break;
          }
          trade = { ...row, tradeId: scheme.idOf(row, nextOccurrence(scheme.numberedBy(row))) };
        }
        if (writer.add(trade)) await writer.flush();
      }
      if (signal?.aborted) return { kind: "interrupted" };
    }
    return { kind: "complete" };
  };

  const end = await endOf(readAll);
  if (scratch !== null) await rm(scratch, { recursive: true, force: true });
  const stored = await endOf(async () => {
    try {
      await writer.flush();
    } finally {
      await writer.settle();
    }
    return end;
  });
  const refused = [...counts.inverted.values()].reduce((sum, { rows }) => sum + rows, 0);
  return { ...counts, bad: bad + refused, skipped, misspelt, end: stored };
}

/**
 * Makes the first pass over a file: it numbers the rows without a trade id by the scheme, in file order.
 * @throws InputError where the scheme relies on the order and the file has its newest rows first
 */
async function numberRows(
  trades: ReturnType<typeof readTrades>,
  { numberedBy, goesByOrder }: IdScheme,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<NextOccurrence> {
  const counter = createOccurrenceCounter(directory);
  let last: Micros | null = null;
  let forward = 0;
  let back = 0;
  try {
    for await (const rows of trades) {
      for (const row of rows) {
        if ("reason" in row || "skipped" in row || row.tradeId !== undefined) continue;
        counter.add(numberedBy(row));
        if (last !== null && row.ts > last) forward += 1;
        if (last !== null && row.ts < last) back += 1;
        last = row.ts;
      }
      if (signal?.aborted) break;
    }
  } catch (error) {
    // The second pass fails at the same place and reports it.
    if (!(error instanceof BrokenFile)) throw error;
  }
  // In files with several markets, mixed or one after another, times go forward and back.
  if (goesByOrder && back > 10 * forward) {
    throw new InputError("has its newest trades first; --ids place takes files with the oldest first: reverse it");
  }
  return counter.finish();
}

/** Returns the error to report if the temporary directory cannot be written, for example because it is full. */
function explainScratch(error: unknown): unknown {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new InputError(
    `has rows without a trade_id, which need temporary files in ${tmpdir()} (8 bytes per row); writing these failed: ` +
      `${message}; set TMPDIR to a directory with enough space`,
  );
}

function hasId(trade: FileLine): trade is FiledRow {
  return trade.tradeId !== undefined;
}

async function endOf(step: () => Promise<ImportEnd>): Promise<ImportEnd> {
  try {
    return await step();
  } catch (error) {
    const { message: reason } = error as Error;
    if (error instanceof InputError) return { kind: "refused", reason };
    if (error instanceof BrokenFile) return { kind: "broken", reason };
    const isPassing = isUnavailable(error) || isTimedOut(error) || isSerializationFailure(error);
    return { kind: "failed", reason: `${reason}${cureOf(error)}`, isPassing };
  }
}
