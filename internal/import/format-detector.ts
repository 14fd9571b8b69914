import { InputError } from "../canonical/input-error.ts";
import { csvReader } from "./csv.ts";
import type { BadRow, FileKind, FileTrade } from "./file-kind.ts";
import { type Line, MAX_LINE_LENGTH } from "./lines.ts";
import { ndjsonReader } from "./ndjson.ts";

/** Parses one row; throws InputError where it is invalid. */
export type ReadText = (text: string) => FileTrade;

/** The detected format of a file. */
export interface DetectedFormat {
  readonly readText: ReadText;
  /** Whether the line that identified the format is a header rather than a row. */
  readonly isHeader: boolean;
  /** Lines before it that are not rows. */
  readonly bad: readonly BadRow[];
}

export interface FormatDetector {
  /**
   * Is called with the non-empty lines one by one; returns the format as soon as a line identifies it, and null before.
   * @throws InputError where the file is not of this kind
   */
  (line: Line): DetectedFormat | null;
  /** Returns why the file is not of this kind, for a file that ended before its format was identified. */
  readonly refusal: () => string;
}

/** A recorded stream may start with heartbeats and subscription replies; after this many, the file is refused. */
const MAX_LINES_BEFORE_FIRST_ROW = 100;

const SEPARATOR_LINE = /^"?sep=(.)"?$/i;

/** Creates a format detector: CSV has a header line, NDJSON an object with the required keys. */
export function createFormatDetector({ columns, readRow }: FileKind): FormatDetector {
  const bad: BadRow[] = [];
  let isFirst = true;

  const openNdjson = ({ number, text }: Line): DetectedFormat | null => {
    try {
      const readFields = ndjsonReader(text, columns);
      return { readText: (row) => readRow(readFields(row)), isHeader: false, bad };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      bad.push({ line: number, reason: error.message });
      if (bad.length === MAX_LINES_BEFORE_FIRST_ROW) throw new InputError(refusal());
      return null;
    }
  };

  const open = (line: Line): DetectedFormat | null => {
    if (bad.length > 0) return openNdjson(line);
    if (isFirst && isSeparator(line.text)) {
      isFirst = false;
      return null;
    }
    isFirst = false;
    checkText(line);
    if (line.text.trimStart().startsWith("{")) return openNdjson(line);
    const readFields = csvReader(line.text, columns);
    return { readText: (row) => readRow(readFields(row)), isHeader: true, bad };
  };
  const refusal = (): string => bad[0]?.reason ?? "is empty";
  return Object.assign(open, { refusal });
}

/** Returns whether the line is the `sep=` line with which spreadsheets declare the separator. */
function isSeparator(text: string): boolean {
  const [, separator] = SEPARATOR_LINE.exec(text.trim()) ?? [];
  if (separator === undefined || separator === ",") return separator === ",";
  throw new InputError(`has its columns separated by ${JSON.stringify(separator)}; export it with commas`);
}

/** Checks by its first line that a file may be CSV or NDJSON. */
function checkText({ text }: Line): void {
  const refuse = (what: string, cure = ""): never => {
    throw new InputError(
      `${what}${cure}; what can be imported is CSV with a header line, or one JSON object a line, plain or gzip`,
    );
  };
  if (text.includes("\r")) refuse("ends its lines with CR alone", ": tr '\\r' '\\n' < FILE > trades.csv");
  if (/[\p{Cc}\uFFFD]/u.test(text.replaceAll("\t", " "))) refuse("is binary or not in UTF-8");
  if (text.length > MAX_LINE_LENGTH) refuse(`has a first line of more than ${MAX_LINE_LENGTH} characters`);
  const start = text.trimStart();
  if (start.startsWith("<")) refuse("looks like HTML or XML");
  if (start.startsWith("[")) refuse("looks like a JSON array", ": jq -c '.[]' FILE > trades.ndjson");
}
