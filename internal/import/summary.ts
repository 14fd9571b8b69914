import { formatDecimal } from "../canonical/decimal.ts";
import { formatPair } from "../canonical/pair.ts";
import { formatTime } from "../canonical/time.ts";
import type { StoredMarket } from "../storage/orientations.ts";
import type { InvertedRows } from "./batch-writer.ts";
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

/** Why a file that was read to its end has given nothing, where it has no bad rows either. */
export function formatNothing(result: ImportResult): string[] {
  const isNothing = result.new + result.known + result.bad + result.skipped.size === 0;
  return isNothing && result.end.kind === "complete" ? ["has no rows: nothing stands below its header"] : [];
}

/** A line for each of the first few trades that are stored with other amounts than the file says. */
export function formatConflicts({ conflicting, conflicts }: ImportResult): string[] {
  const named = conflicts.map(
    (row) =>
      `line ${row.line} is stored with other amounts: ${formatTime(row.ts)} ${row.source} ${formatPair(row)} trade ${row.tradeId}; ` +
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

/** Markets of which rows were refused that a file's result names; what was refused of others is in the count of bad rows. */
export const INVERTED_NAMED = 20;

/** Of the rows of a market that were refused as it is stored the other way round: which, what is stored, and the cure. */
export function formatInverted({ rows, line, ...market }: InvertedRows, stored: readonly StoredMarket[]): string {
  const { source } = market;
  const what = stored.map(
    (each) => `as ${formatPair(each)}, ${each.tradeCount} of its trades, from the hour of ${formatTime(each.from)} on`,
  );
  const takeBack = stored.map(
    (each) =>
      `stellarindex trades delete --pair ${formatPair(each)} --source ${source} ` +
      `--from ${formatTime(each.from)} --to ${formatTime(each.to)} --dry-run`,
  );
  return (
    `not stored, ${countOf(rows)} of ${formatPair(market)} at ${source}, the first on line ${line}: this market is stored ` +
    `the other way round${what.length > 0 ? ` (${what.join("; ")})` : ""}, and a market has one orientation (docs/decoders.md). ` +
    "If the file is wrong, swap base and quote, and their amounts" +
    (takeBack.length > 0 ? `; if what is stored is wrong, take it back and import again: ${takeBack.join("; ")}` : "")
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
      return end.isPassing
        ? `could not be stored: ${end.reason}. Run it again to go on: what is stored already is not stored twice`
        : `could not be stored: ${end.reason}. What was stored before that stays`;
  }
}
