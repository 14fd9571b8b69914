import { InputError } from "../canonical/input-error.ts";
import { MAX_LINE_LENGTH } from "../lib/lines.ts";
import { type FileRow, type FileTrade, SkippedRow } from "./file-kind.ts";

/** Reads a row; what is wrong with it becomes its reason. */
export function rowOf(line: number, read: () => FileTrade, hint: () => string = () => ""): FileRow {
  try {
    return Object.assign(read(), { line });
  } catch (error) {
    if (error instanceof SkippedRow) return { line, skipped: error.kind };
    if (error instanceof InputError) return { line, reason: `${error.message}${hint()}` };
    throw error;
  }
}

// Matches control characters except tab, LF and CR, and the replacement of invalid UTF-8.
const NO_TEXT = /[^\P{Cc}\t\n\r]|\uFFFD/u;

/** Returns the probable cause of a bad line that may stand for many rows; empty for most lines. */
export function hintOf(text: string): string {
  const start = text.slice(0, MAX_LINE_LENGTH);
  if (NO_TEXT.test(start)) {
    return "; it has bytes that are not text (file damaged, or compressed data appended): rows may be missing";
  }
  return start.includes("\r")
    ? "; it contains a CR, as in files whose lines end with CR alone: tr '\\r' '\\n' < FILE > trades.csv"
    : "";
}
