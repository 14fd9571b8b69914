import { InputError } from "../canonical/input-error.ts";
import { readBytes } from "./bytes.ts";
import { type FileKind, type FileRow, SkippedRow } from "./file-kind.ts";
import { createFormatDetector, type ReadText } from "./format-detector.ts";
import { type Line, MAX_LINE_LENGTH, readLines } from "./lines.ts";
import { refuseUnsupportedFormats } from "./unsupported-formats.ts";

/**
 * Yields the rows of a file in groups, in file order. Format and compression are detected by the content.
 * @param onBytes called with the size of each chunk read from disk, before decompression
 * @throws InputError where the file is not of this kind; nothing has been yielded then
 * @throws BrokenFile where it cannot be read to its end
 */
export async function* readTrades(
  path: string,
  kind: FileKind,
  onBytes: (count: number) => void,
): AsyncGenerator<FileRow[]> {
  const open = createFormatDetector(kind);
  let readText: ReadText | null = null;
  for await (const lines of readLines(refuseUnsupportedFormats(readBytes(path, onBytes)))) {
    const rows: FileRow[] = [];
    for (const line of lines) {
      if (line.text.trim() === "") continue;
      if (readText === null) {
        const opened = open(line);
        if (opened === null) continue;
        readText = opened.readText;
        rows.push(...opened.bad);
        if (opened.isHeader) continue;
      }
      rows.push(readLine(line, readText));
    }
    if (rows.length > 0) yield rows;
  }
  if (readText === null) throw new InputError(open.refusal());
}

function readLine({ number, text }: Line, readText: ReadText): FileRow {
  try {
    if (text.length > MAX_LINE_LENGTH) throw new InputError(`is longer than ${MAX_LINE_LENGTH} characters`);
    return Object.assign(readText(text), { line: number });
  } catch (error) {
    if (error instanceof SkippedRow) return { line: number, skipped: error.kind };
    if (error instanceof InputError) return { line: number, reason: `${error.message}${hintOf(text)}` };
    throw error;
  }
}

// Matches control characters except tab, LF and CR, and the replacement of invalid UTF-8.
const NO_TEXT = /[^\P{Cc}\t\n\r]|\uFFFD/u;

/** Returns the probable cause of a bad line that may stand for many rows; empty for most lines. */
function hintOf(text: string): string {
  const start = text.slice(0, MAX_LINE_LENGTH);
  if (NO_TEXT.test(start)) {
    return "; it has bytes that are not text (file damaged, or compressed data appended): rows may be missing";
  }
  return start.includes("\r")
    ? "; it contains a CR, as in files whose lines end with CR alone: tr '\\r' '\\n' < FILE > trades.csv"
    : "";
}
