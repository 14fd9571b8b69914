import { type Decimal, parseDecimal } from "../canonical/decimal.ts";
import { InputError } from "../canonical/input-error.ts";
import { amountProblem, type Problem } from "../canonical/trade-rules.ts";

/** The raw texts of a row by column. */
export type Fields<Column extends string = string> = { [column in Column]?: string | undefined };

/** Returns a column's trimmed text; undefined where it is empty or missing. */
export function value<Column extends string>(fields: Fields<Column>, column: Column): string | undefined {
  const text = fields[column]?.trim();
  return text === "" ? undefined : text;
}

/** @throws InputError always: a required value is missing */
export function empty(columns: string): never {
  throw new InputError(`${columns} is empty`);
}

/**
 * Parses a column's text with `parse`.
 * @throws InputError that names the column
 */
export function inColumn<T>(column: string, parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${column} ${error.message}`) : error;
  }
}

/**
 * Returns the value of a column if a rule of trades has no problem with it.
 * @throws InputError that names the column
 */
export function accepted<T>(column: string, value: T, problemOf: (value: T) => Problem | null): T {
  const problem = problemOf(value);
  if (problem !== null) throw new InputError(`${column} ${problem.reason}`);
  return value;
}

/**
 * Parses the amount of a column.
 * @throws InputError where the text is not a decimal, or not an amount that can be stored
 */
export function readAmount(column: string, text: string): Decimal {
  return accepted(column, inColumn(column, parseDecimal, text), amountProblem);
}
