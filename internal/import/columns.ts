import { InputError } from "../canonical/input-error.ts";

/** The columns of a file kind; other columns are ignored. */
export interface Columns<Column extends string = string> {
  readonly names: readonly Column[];
  /** The required columns per field of a row, with alternative columns. */
  readonly needed: readonly (readonly [columns: readonly Column[], instead?: readonly Column[]])[];
  /** Returns what to do with a file that has these columns but lacks required ones; null for the general advice. */
  readonly cureFor?: (present: readonly string[]) => string | null;
}

/** Matches a value rather than a column name: a number or a time. */
const VALUE = /^-?\d[\d.,:TZ+ -]*$/;

/** Normalizes column names to lower case, such as `TS` or `Price`, unless the lower-case column exists as well. */
function columnNames({ names }: Columns, present: readonly string[]): string[] {
  return present.map((text) => {
    const name = text.trim();
    const column = names.find((each) => each === name.toLowerCase());
    return column === undefined || (name !== column && present.includes(column)) ? name : column;
  });
}

/**
 * Checks that a file has all required columns; further columns are allowed.
 * @returns the normalized names of the file's columns
 * @throws InputError that lists the missing and the present columns
 */
export function checkColumns(columns: Columns, present: readonly string[]): string[] {
  const { names, needed, cureFor } = columns;
  const called = columnNames(columns, present);
  const twice = names.filter((column) => called.indexOf(column) !== called.lastIndexOf(column));
  if (twice.length > 0) throw new InputError(`has the column ${twice.join(", ")} twice; leave one`);
  const has = (columns: readonly string[] = []) => columns.length > 0 && columns.every((name) => called.includes(name));
  const missing = needed
    .filter(([columns, instead]) => !has(columns) && !has(instead))
    .map(([columns, instead]) =>
      instead === undefined ? columns.join(" and ") : `${columns.join(" and ")} (or ${instead.join(" and ")})`,
    );
  if (missing.length === 0) return called;
  const list = present.map((name) => name.trim()).join(", ");
  const shown = list.length > 200 ? `${list.slice(0, 200)}…` : list;
  const cure = cureFor?.(present) ?? generalCure(present, needed);
  throw new InputError(`lacks the columns ${missing.join("; ")}. It has: ${shown}${cure === null ? "" : `; ${cure}`}`);
}

function generalCure(present: readonly string[], needed: Columns["needed"]): string | null {
  if (present.length === 1 && /[;\t|]/.test(present[0] ?? "")) return "columns are separated by commas";
  const values = present.filter((name) => VALUE.test(name));
  if (values.length * 2 < present.length || values.length === 0) return null;
  const header = needed.flatMap(([columns]) => columns).join(",");
  return `that looks like a row, not like a header: put one above it that names the columns, such as ${header}`;
}
