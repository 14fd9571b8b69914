import { InputError } from "../canonical/input-error.ts";
import { readBytes } from "./bytes.ts";
import { type FileKind, type FileRow, SkippedRow } from "./file-kind.ts";
import { type Line, LONGEST_LINE, readLines } from "./lines.ts";
import { createOpener, type ReadText } from "./opener.ts";
import { refuseOtherFormats } from "./other-formats.ts";

/**
 * Reads the trades of a file, some rows at a time, in its order. Format and compression are told by the content.
 * @param onBytes called with the size of each piece of the file as it is on disk
 * @throws InputError where the file is not of this kind: nothing has been yielded then
 * @throws BrokenFile where it cannot be read to its end
 */
export async function* readTrades(
  path: string,
  kind: FileKind,
  onBytes: (count: number) => void,
): AsyncGenerator<FileRow[]> {
  const open = createOpener(kind);
  let readText: ReadText | null = null;
  for await (const lines of readLines(refuseOtherFormats(readBytes(path, onBytes)))) {
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
    if (text.length > LONGEST_LINE) throw new InputError(`is longer than ${LONGEST_LINE} characters`);
    return Object.assign(readText(text), { line: number });
  } catch (error) {
    if (error instanceof SkippedRow) return { line: number, skipped: error.kind };
    if (error instanceof InputError) return { line: number, reason: `${error.message}${hintOf(text)}` };
    throw error;
  }
}

// Control characters but tab, LF and CR, and what was no UTF-8.
const NO_TEXT = /[^\P{Cc}\t\n\r]|\uFFFD/u;

/** What is likely behind a bad line, which can then be many rows; empty for most. */
function hintOf(text: string): string {
  const start = text.slice(0, LONGEST_LINE);
  if (NO_TEXT.test(start)) {
    return "; it has bytes that are no text, as where the file is damaged or a packed one was put behind it: rows may be missing";
  }
  return start.includes("\r")
    ? "; it has a CR inside, as where lines end with CR alone: tr '\\r' '\\n' < FILE > trades.csv"
    : "";
}
