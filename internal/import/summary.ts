import { formatDecimal } from "../canonical/decimal.ts";
import { formatPair } from "../canonical/pair.ts";
import { formatTime } from "../canonical/time.ts";
import type { ImportResult } from "./import-file.ts";

type Counts = Pick<ImportResult, "new" | "known" | "conflicting" | "bad">;

export function formatCounts(counts: Counts): string {
  return `${counts.new} new, ${counts.known} known, ${counts.conflicting} of them with other amounts, ${counts.bad} bad`;
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

/** A line for each of the first few trades that are stored with other amounts than the file says. */
export function formatConflicts({ conflicting, conflicts }: ImportResult): string[] {
  const named = conflicts.map(
    (row) =>
      `stored with other amounts: ${formatTime(row.ts)} ${row.source} ${formatPair(row)} trade ${row.tradeId}; ` +
      `the file says ${formatDecimal(row.baseAmount)} for ${formatDecimal(row.quoteAmount)}`,
  );
  const more = conflicting - conflicts.length;
  return more > 0 ? [...named, `and ${more} more stored with other amounts`] : named;
}

/** A line for each of the first few pairs of the file that differ from known ones only in case. */
export function formatMisspelt({ misspelt: { pairs, others } }: ImportResult): string[] {
  const named = [...pairs].map(([pair, { rows, meant }]) => `${countOf(rows)} of ${pair}: did you mean ${meant}?`);
  return others > 0 ? [...named, `and ${countOf(others)} of other pairs in such a spelling`] : named;
}

/** A line for each kind of rows that were skipped as such. */
export function formatSkipped({ skipped }: ImportResult): string[] {
  return [...skipped].map(([kind, rows]) => `${countOf(rows)} skipped: ${kind}`);
}

/** Whether a file has rows and not one of them could be used: then it is another file than was meant. */
export function isAllBad(result: ImportResult): boolean {
  return result.end.kind === "complete" && result.bad > 0 && result.new + result.known + result.skipped.size === 0;
}

/** A line for each pair and source whose rows were refused, as the market is stored the other way round. */
export function formatInverted({ inverted }: ImportResult): string[] {
  return [...inverted].map(
    ([market, rows]) =>
      `not stored, ${countOf(rows)} of ${market}: this market is stored the other way round, and a market has one orientation ` +
      "(docs/decoders.md); swap base and quote, and their amounts",
  );
}

function countOf(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}

/** Why a file was not imported to its end; null where it was. */
export function formatEnd({ end }: ImportResult): string | null {
  switch (end.kind) {
    case "complete":
      return null;
    case "interrupted":
      return "interrupted; run it again to go on: what is stored already is not stored twice";
    case "refused":
      return `not imported: ${end.reason}`;
    case "broken":
      return `broken: ${end.reason}. What could be read is imported`;
    case "failed":
      return `could not be stored: ${end.reason}. Run it again to go on: what is stored already is not stored twice`;
  }
}
