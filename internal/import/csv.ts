import { InputError } from "../canonical/input-error.ts";
import type { Fields } from "../ingest/fields.ts";
import { type Columns, checkColumns } from "./columns.ts";

/**
 * Parses the header of a CSV file.
 * @returns the parser of a row; it throws InputError where a line is not a row of this file
 * @throws InputError where columns are missing
 */
export function csvReader(header: string, columns: Columns): (text: string) => Fields {
  return rowReader(checkColumns(columns, splitHeader(header)), columns.names, "the header");
}

/**
 * Returns the parser of a row; it throws InputError where a line has another number of columns.
 * @param names the names of all columns, in order
 * @param wanted the columns that are read
 * @param model what has as many columns, for messages
 */
export function rowReader(
  names: readonly string[],
  wanted: readonly string[],
  model: string,
  delimiter?: string,
): (text: string) => Fields {
  const places = wanted.map((column) => [column, names.indexOf(column)] as const).filter(([, place]) => place >= 0);
  return (text) => {
    const values = splitRow(text, delimiter);
    if (values.length !== names.length) {
      throw new InputError(`has ${values.length} columns where ${model} has ${names.length}`);
    }
    const fields: Fields = {};
    for (const [column, place] of places) fields[column] = values[place];
    return fields;
  };
}

/** Splits the first line of a file. @throws InputError where it is not CSV */
export function splitHeader(header: string, delimiter?: string): string[] {
  try {
    return splitRow(header, delimiter);
  } catch (error) {
    throw error instanceof InputError
      ? new InputError(`is not CSV with a header: its first line ${error.message}`)
      : error;
  }
}

const COMMA = ",";

/** Returns the pattern of a value, with blanks around its quotes. The delimiter has no meaning within brackets. */
function fieldOf(delimiter: string): RegExp {
  const blanks = delimiter === "\t" ? " *" : "[ \\t]*";
  const end = `(?=[${delimiter}]|$)`;
  return new RegExp(`${blanks}"([^"]*(?:""[^"]*)*)"${blanks}${end}|([^"${delimiter}]*)${end}`, "y");
}

const FIELD = fieldOf(COMMA);

/**
 * Splits a line into values. Unlike in general CSV, a row is always one line: no field of a trade contains a line
 * break, and an unclosed quote then invalidates one row instead of the rest of the file.
 * @throws InputError where the quoting is invalid
 */
export function splitRow(text: string, delimiter: string = COMMA): string[] {
  if (!text.includes('"')) return text.split(delimiter);
  const field = delimiter === COMMA ? FIELD : fieldOf(delimiter);
  const values: string[] = [];
  for (field.lastIndex = 0; ; field.lastIndex += 1) {
    const match = field.exec(text);
    if (match === null) throw new InputError(explainQuotes(text));
    values.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (field.lastIndex === text.length) return values;
  }
}

function explainQuotes(text: string): string {
  const isOpen = text.split('"').length % 2 === 0;
  return isOpen
    ? "has a quote that is not closed on the same line"
    : 'has a stray quote; a value with quotes in it is written "so ""quoted"""';
}
