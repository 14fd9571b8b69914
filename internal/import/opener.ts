import { InputError } from "../canonical/input-error.ts";
import { csvReader } from "./csv.ts";
import type { BadRow, FileKind, FileTrade } from "./file-kind.ts";
import { type Line, LONGEST_LINE } from "./lines.ts";
import { ndjsonReader } from "./ndjson.ts";

/** Reads one row; throws InputError where it is none. */
export type ReadText = (text: string) => FileTrade;

/** How the rows of a file are read. */
export interface Opened {
  readonly readText: ReadText;
  /** Whether the line that told it is a header, and no row. */
  readonly isHeader: boolean;
  /** Lines before it that are no rows. */
  readonly bad: readonly BadRow[];
}

export interface Opener {
  /**
   * Takes the lines that are not empty, one by one, until one tells how rows are read; null until then.
   * @throws InputError where the file is not of this kind
   */
  (line: Line): Opened | null;
  /** Why it is no file of this kind, where its lines have come to an end before. */
  readonly refusal: () => string;
}

/** A recorded stream may begin with heartbeats and the answers to subscriptions; a file without a row among so many has none. */
const MOST_BEFORE_FIRST_ROW = 100;

const SEPARATOR_LINE = /^"?sep=(.)"?$/i;

/** Tells by its first lines what a file is: CSV by a header, NDJSON by an object that has what a row needs. */
export function createOpener({ columns, readRow }: FileKind): Opener {
  const bad: BadRow[] = [];
  let isFirst = true;

  const openNdjson = ({ number, text }: Line): Opened | null => {
    try {
      const readFields = ndjsonReader(text, columns);
      return { readText: (row) => readRow(readFields(row)), isHeader: false, bad };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      bad.push({ line: number, reason: error.message });
      if (bad.length === MOST_BEFORE_FIRST_ROW) throw new InputError(refusal());
      return null;
    }
  };

  const open = (line: Line): Opened | null => {
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

/** Whether the line is the one by which spreadsheets tell what separates the columns. */
function isSeparator(text: string): boolean {
  const [, separator] = SEPARATOR_LINE.exec(text.trim()) ?? [];
  if (separator === undefined || separator === ",") return separator === ",";
  throw new InputError(`has its columns separated by ${JSON.stringify(separator)}; export it with commas`);
}

/** Refuses by its first line what is neither CSV nor NDJSON. */
function checkText({ text }: Line): void {
  const refuse = (what: string, cure = ""): never => {
    throw new InputError(
      `${what}${cure}; what can be imported is CSV with a header line, or one JSON object a line, plain or gzip`,
    );
  };
  if (text.includes("\r")) refuse("ends its lines with CR alone", ": tr '\\r' '\\n' < FILE > trades.csv");
  if (/[\p{Cc}\uFFFD]/u.test(text.replaceAll("\t", " "))) refuse("is binary or not in UTF-8");
  if (text.length > LONGEST_LINE) refuse(`has a first line of more than ${LONGEST_LINE} characters`);
  const start = text.trimStart();
  if (start.startsWith("<")) refuse("looks like HTML or XML");
  if (start.startsWith("[")) refuse("looks like a JSON array", ": jq -c '.[]' FILE > trades.ndjson");
}
