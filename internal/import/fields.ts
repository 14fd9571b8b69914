import { InputError } from "../canonical/input-error.ts";

/** What one row says, by column, as it is written. */
export type Fields<Column extends string = string> = { [column in Column]?: string | undefined };

/** A column's text without the space around it; undefined where nothing is left. */
export function value<Column extends string>(fields: Fields<Column>, column: Column): string | undefined {
  const text = fields[column]?.trim();
  return text === "" ? undefined : text;
}

/** @throws InputError: a value that is needed is not there */
export function empty(columns: string): never {
  throw new InputError(`${columns} is empty`);
}

/**
 * What `parse` makes of a column's text.
 * @throws InputError that names the column
 */
export function inColumn<T>(column: string, parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${column} ${error.message}`) : error;
  }
}

/** A text as a message shows it: in quotes, and not too long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
