import { InputError } from "../canonical/input-error.ts";
import { type Line, MAX_LINE_LENGTH } from "../lib/lines.ts";
import { csvReader } from "./csv.ts";
import type { BadRow, FileKind, FileRow, FileTrade } from "./file-kind.ts";
import { ndjsonReader } from "./ndjson.ts";
import { hintOf, rowOf } from "./read-row.ts";

/** A file whose columns are known. */
export interface OpenedForm {
  /** Returns the rows of a line; most lines are one. */
  readonly readRows: (line: Line) => FileRow[];
  /** Whether the line that it was opened with is a header rather than a row. */
  readonly isHeader: boolean;
}

/** The forms in which files of a kind are written. */
export interface Forms {
  /** @throws InputError where the first line of a CSV file is not of this kind */
  readonly openCsv: (text: string) => OpenedForm;
  /** @throws InputError where the text, JSON, does not hold a row of this kind */
  readonly openJson: (text: string) => OpenedForm;
  /** Accepts the separator that a spreadsheet declares. @throws InputError where it is not supported */
  readonly acceptSeparator: (separator: string) => void;
  /** Whether a file may be one JSON document over many lines. */
  readonly hasDocuments: boolean;
}

/** The detected format of a file. */
export interface DetectedFormat extends OpenedForm {
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
  /** Returns whether the line is the first of a document that only all lines of the file together form. */
  readonly isDocument: (line: Line) => boolean;
}

/** A recorded stream may start with heartbeats and subscription replies; after this many, the file is refused. */
const MAX_LINES_BEFORE_FIRST_ROW = 100;

const SEPARATOR_LINE = /^"?sep=(.)"?$/i;

/** Creates a format detector: CSV has a header line, NDJSON an object with the required keys. */
export function createFormatDetector(kind: FileKind, forms: Forms = ownForms(kind)): FormatDetector {
  const bad: BadRow[] = [];
  let isFirst = true;

  const openNdjson = ({ number, text }: Line): DetectedFormat | null => {
    try {
      return { ...forms.openJson(text), bad };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      bad.push({ line: number, reason: error.message });
      if (bad.length === MAX_LINES_BEFORE_FIRST_ROW) throw new InputError(refusal());
      return null;
    }
  };

  const open = (line: Line): DetectedFormat | null => {
    if (bad.length > 0) return openNdjson(line);
    const separator = isFirst ? SEPARATOR_LINE.exec(line.text.trim())?.[1] : undefined;
    isFirst = false;
    if (separator !== undefined) {
      forms.acceptSeparator(separator);
      return null;
    }
    checkText(line, forms.hasDocuments);
    return isJson(line.text) ? openNdjson(line) : { ...forms.openCsv(line.text), bad };
  };
  const refusal = (): string => bad[0]?.reason ?? "is empty";
  const isDocument = ({ text }: Line): boolean => isFirst && forms.hasDocuments && startsDocument(text.trim());
  return Object.assign(open, { refusal, isDocument });
}

function ownForms({ columns, readRow }: FileKind): Forms {
  const form = (readText: (text: string) => FileTrade, isHeader: boolean): OpenedForm => ({
    readRows: (line) => [readLine(line, readText)],
    isHeader,
  });
  return {
    openCsv(header) {
      const readFields = csvReader(header, columns);
      return form((text) => readRow(readFields(text)), true);
    },
    openJson(first) {
      const readFields = ndjsonReader(first, columns);
      return form((text) => readRow(readFields(text)), false);
    },
    acceptSeparator(separator) {
      if (separator === ",") return;
      throw new InputError(`has its columns separated by ${JSON.stringify(separator)}; export it with commas`);
    },
    hasDocuments: false,
  };
}

/** Reads a line that is one row. */
export function readLine({ number, text }: Line, readText: (text: string) => FileTrade): FileRow {
  const read = (): FileTrade => {
    if (text.length > MAX_LINE_LENGTH) throw new InputError(`is longer than ${MAX_LINE_LENGTH} characters`);
    return readText(text);
  };
  return rowOf(number, read, () => hintOf(text));
}

const isJson = (text: string): boolean => /^\s*[[{]/.test(text);

/** Returns whether a first line begins a JSON array, or an object that it does not end. */
function startsDocument(text: string): boolean {
  if (text.startsWith("[")) return true;
  return /^\{(?:.*[[{,])?$/s.test(text) && !isWhole(text) && !isWhole(text.replace(/,$/, ""));
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Checks by its first line that a file may be CSV or JSON. */
function checkText({ text }: Line, hasDocuments: boolean): void {
  const refuse = (what: string, cure = ""): never => {
    throw new InputError(
      `${what}${cure}; what can be imported is CSV with a header line, or one JSON object a line, plain or gzip`,
    );
  };
  if (hasDocuments && isJson(text)) return;
  if (text.includes("\r")) refuse("ends its lines with CR alone", ": tr '\\r' '\\n' < FILE > trades.csv");
  if (/[\p{Cc}\uFFFD]/u.test(text.replaceAll("\t", " "))) refuse("is binary or not in UTF-8");
  if (text.length > MAX_LINE_LENGTH) refuse(`has a first line of more than ${MAX_LINE_LENGTH} characters`);
  const start = text.trimStart();
  if (start.startsWith("<")) refuse("looks like HTML or XML");
  if (start.startsWith("[")) refuse("looks like a JSON array", ": jq -c '.[]' FILE > trades.ndjson");
}
