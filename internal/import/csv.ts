import { InputError } from "../canonical/input-error.ts";
import { type Columns, checkColumns } from "./columns.ts";
import type { Fields } from "./fields.ts";

/**
 * Parses the header of a CSV file.
 * @returns the parser of a row; it throws InputError where a line is not a row of this file
 * @throws InputError where columns are missing
 */
export function csvReader(header: string, columns: Columns): (text: string) => Fields {
  const names = checkColumns(columns, splitHeader(header));
  const places = columns.names
    .map((column) => [column, names.indexOf(column)] as const)
    .filter(([, place]) => place >= 0);
  return (text) => {
    const values = splitRow(text);
    if (values.length !== names.length) {
      throw new InputError(`has ${values.length} columns where the header has ${names.length}`);
    }
    const fields: Fields = {};
    for (const [column, place] of places) fields[column] = values[place];
    return fields;
  };
}

function splitHeader(header: string): string[] {
  try {
    return splitRow(header);
  } catch (error) {
    throw error instanceof InputError
      ? new InputError(`is not CSV with a header: its first line ${error.message}`)
      : error;
  }
}

const FIELD = /[ \t]*"([^"]*(?:""[^"]*)*)"[ \t]*(?=,|$)|([^",]*)(?=,|$)/y;

/**
 * Splits a line into values. Unlike in general CSV, a row is always one line: no field of a trade contains a line
 * break, and an unclosed quote then invalidates one row instead of the rest of the file.
 * @throws InputError where the quoting is invalid
 */
export function splitRow(text: string): string[] {
  if (!text.includes('"')) return text.split(",");
  const values: string[] = [];
  for (FIELD.lastIndex = 0; ; FIELD.lastIndex += 1) {
    const match = FIELD.exec(text);
    if (match === null) throw new InputError(explainQuotes(text));
    values.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (FIELD.lastIndex === text.length) return values;
  }
}

function explainQuotes(text: string): string {
  const isOpen = text.split('"').length % 2 === 0;
  return isOpen
    ? "has a quote that is not closed on the same line"
    : 'has a stray quote; a value with quotes in it is written "so ""quoted"""';
}
