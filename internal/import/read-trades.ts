import { InputError } from "../canonical/input-error.ts";
import { readBytes } from "./bytes.ts";
import { csvReader } from "./csv.ts";
import type { FileKind, FileTrade } from "./file-kind.ts";
import { type Line, LONGEST_LINE, readLines } from "./lines.ts";
import { ndjsonReader } from "./ndjson.ts";

/** A row that cannot be imported: its line in the file, the first being 1, and why. */
export interface BadRow {
  readonly line: number;
  readonly reason: string;
}

/**
 * Reads the trades of a file, some rows at a time, in its order. Format and compression are told by the content.
 * @param onBytes called with the size of each piece of the file as it is on disk
 * @throws InputError where the file is not of this kind: nothing has been yielded then
 * @throws BrokenFile where it cannot be read to its end
 */
export async function* readTrades(
  path: string,
  { columns, readRow }: FileKind,
  onBytes: (count: number) => void,
): AsyncGenerator<(FileTrade | BadRow)[]> {
  let readText: ((text: string) => FileTrade) | null = null;
  for await (const lines of readLines(readBytes(path, onBytes))) {
    const rows: (FileTrade | BadRow)[] = [];
    for (const line of lines) {
      if (line.text.trim() === "") continue;
      if (readText === null) {
        const isNdjson = line.text.trimStart().startsWith("{");
        const readFields = (isNdjson ? ndjsonReader : csvReader)(checkText(line), columns);
        readText = (text) => readRow(readFields(text));
        if (!isNdjson) continue;
      }
      rows.push(readLine(line, readText));
    }
    if (rows.length > 0) yield rows;
  }
  if (readText === null) throw new InputError("is empty");
}

function readLine({ number, text }: Line, readText: (text: string) => FileTrade): FileTrade | BadRow {
  try {
    if (text.length > LONGEST_LINE) throw new InputError(`is longer than ${LONGEST_LINE} characters`);
    return readText(text);
  } catch (error) {
    if (error instanceof InputError) return { line: number, reason: error.message };
    throw error;
  }
}

/** Refuses by its first line what is neither CSV nor NDJSON. */
function checkText({ text }: Line): string {
  const refuse = (what: string): never => {
    throw new InputError(
      `${what}; what can be imported is CSV with a header line, or one JSON object a line, plain or gzip`,
    );
  };
  if (/[\p{Cc}\uFFFD]/u.test(text.replaceAll("\t", " "))) return refuse("is binary or not in UTF-8");
  if (text.length > LONGEST_LINE) return refuse(`has a first line of more than ${LONGEST_LINE} characters`);
  const start = text.trimStart();
  if (start.startsWith("<")) return refuse("looks like HTML or XML");
  if (start.startsWith("[")) return refuse("looks like a JSON array");
  return text;
}
