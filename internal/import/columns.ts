import { InputError } from "../canonical/input-error.ts";

/** The columns of a kind of file; others are ignored. */
export interface Columns<Column extends string = string> {
  readonly names: readonly Column[];
  /** Per thing a row needs: the columns that say it, and the columns that say it otherwise. */
  readonly needed: readonly (readonly [columns: readonly Column[], instead?: readonly Column[]])[];
}

/**
 * Checks that the columns a file has can make its rows; others may be among them.
 * @throws InputError that names all that is missing, and what is there
 */
export function checkColumns({ names, needed }: Columns, present: readonly string[]): void {
  const twice = names.filter((column) => present.indexOf(column) !== present.lastIndexOf(column));
  if (twice.length > 0) throw new InputError(`has the column ${twice.join(", ")} twice; leave one`);
  const has = (columns: readonly string[] = []) =>
    columns.length > 0 && columns.every((name) => present.includes(name));
  const missing = needed
    .filter(([columns, instead]) => !has(columns) && !has(instead))
    .map(([columns, instead]) =>
      instead === undefined ? columns.join(" and ") : `${columns.join(" and ")} (or ${instead.join(" and ")})`,
    );
  if (missing.length === 0) return;
  const list = present.join(", ");
  const shown = list.length > 200 ? `${list.slice(0, 200)}…` : list;
  const hint = present.length === 1 && /[;\t|]/.test(list) ? "; columns are separated by commas" : "";
  throw new InputError(`lacks the columns ${missing.join("; ")}. It has: ${shown}${hint}`);
}
