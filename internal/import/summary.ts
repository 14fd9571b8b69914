import { formatDecimal } from "../canonical/decimal.ts";
import { formatPair } from "../canonical/pair.ts";
import { formatTime } from "../canonical/time.ts";
import type { StoredMarket } from "../storage/trades/orientations.ts";
import type { InvertedRows } from "./batch-writer.ts";
import type { ImportResult } from "./import-file.ts";

type Counts = Pick<ImportResult, "new" | "known" | "conflicting" | "bad">;

/** Formats the counts of a file. Conflicting rows are duplicates that are stored with other amounts. */
export function formatCounts(counts: Counts): string {
  return `${counts.new} new, ${counts.known} duplicates, ${counts.conflicting} conflicting, ${counts.bad} bad`;
}

export function addCounts(results: readonly Counts[]): Counts {
  const total = { new: 0, known: 0, conflicting: 0, bad: 0 };
  for (const result of results) {
    total.new += result.new;
    total.known += result.known;
    total.conflicting += result.conflicting;
    total.bad += result.bad;
  }
  return total;
}

/** Returns a message for a complete file without any rows. */
export function formatEmpty(result: ImportResult): string[] {
  const isNothing = result.new + result.known + result.bad + result.skipped.size === 0;
  return isNothing && result.end.kind === "complete" ? ["has no rows below its header"] : [];
}

/** Returns a line for each of the first trades that are stored with other amounts than in the file. */
export function formatConflicts({ conflicting, conflicts }: ImportResult): string[] {
  const named = conflicts.map(
    (row) =>
      `line ${row.line} is stored with other amounts: ${formatTime(row.ts)} ${row.source} ${formatPair(row)} trade ${row.tradeId}; ` +
      `the file says ${formatDecimal(row.baseAmount)} for ${formatDecimal(row.quoteAmount)}`,
  );
  const more = conflicting - conflicts.length;
  return more > 0 ? [...named, `and ${more} more stored with other amounts`] : named;
}

/** Returns a line for each of the first pairs that differ from known ones only in case. */
export function formatMisspelt({ misspelt: { pairs, others } }: ImportResult): string[] {
  const named = [...pairs].map(([pair, { rows, meant }]) => `${countOf(rows)} of ${pair}: did you mean ${meant}?`);
  return others > 0 ? [...named, `and ${countOf(others)} of other pairs in such a spelling`] : named;
}

/** Returns a line for each kind of skipped rows. */
export function formatSkipped({ skipped }: ImportResult): string[] {
  return [...skipped].map(([kind, rows]) => `${countOf(rows)} skipped: ${kind}`);
}

/** Returns whether a file has rows but none of them can be used: then it is probably the wrong file. */
export function isAllBad(result: ImportResult): boolean {
  return result.end.kind === "complete" && result.bad > 0 && result.new + result.known + result.skipped.size === 0;
}

/** Maximum number of inverted markets that are reported; rows of further ones count as bad rows. */
export const INVERTED_NAMED = 20;

/** Reports the refused rows of an inverted market: which rows, what is stored, and what to do. */
export function formatInverted({ rows, line, ...market }: InvertedRows, stored: readonly StoredMarket[]): string {
  const { source } = market;
  const what = stored.map(
    (each) => `as ${formatPair(each)}, ${each.tradeCount} of its trades, from the hour of ${formatTime(each.from)} on`,
  );
  const deletions = stored.map(
    (each) =>
      `stellarindex trades delete --pair ${formatPair(each)} --source ${source} ` +
      `--from ${formatTime(each.from)} --to ${formatTime(each.to)} --dry-run`,
  );
  return (
    `not stored, ${countOf(rows)} of ${formatPair(market)} at ${source}, the first on line ${line}: this market is stored ` +
    `in the inverse orientation${what.length > 0 ? ` (${what.join("; ")})` : ""}, ` +
    "and a market has one orientation (docs/decoders.md). " +
    "If the file is wrong, swap base and quote, and their amounts" +
    (deletions.length > 0
      ? `; if the stored trades are wrong, delete them and import again: ${deletions.join("; ")}`
      : "")
  );
}

function countOf(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}

/** Returns why a file was not imported completely; null where it was. */
export function formatEnd({ end }: ImportResult): string | null {
  switch (end.kind) {
    case "complete":
      return null;
    case "interrupted":
      return "interrupted; run it again to continue: stored rows are not stored twice";
    case "refused":
      return `not imported: ${end.reason}`;
    case "broken":
      return `broken: ${end.reason}. The rows before that are imported`;
    case "failed":
      return end.isPassing
        ? `could not be stored: ${end.reason}. Run it again to continue: stored rows are not stored twice`
        : `could not be stored: ${end.reason}. Rows stored before that remain`;
  }
}
