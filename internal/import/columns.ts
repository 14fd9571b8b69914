import { InputError } from "../canonical/input-error.ts";

export const COLUMNS = [
  "ts",
  "source",
  "venue",
  "base",
  "quote",
  "pair",
  "price",
  "size",
  "base_amount",
  "quote_amount",
  "trade_id",
] as const;

export type Column = (typeof COLUMNS)[number];

/** What one row says, by column, as it is written. */
export type Fields = { [column in Column]?: string | undefined };

/** Per thing a trade needs: the columns that say it, and the columns that say it otherwise. */
const NEEDED: readonly (readonly [columns: readonly Column[], instead?: readonly Column[]])[] = [
  [["ts"]],
  [["source"], ["venue"]],
  [["base", "quote"], ["pair"]],
  [
    ["price", "size"],
    ["base_amount", "quote_amount"],
  ],
];

/**
 * Checks that these columns can make a trade; others may be among them.
 * @throws InputError that names all that is missing, and what is there
 */
export function checkColumns(names: readonly string[]): void {
  const twice = COLUMNS.filter((column) => names.indexOf(column) !== names.lastIndexOf(column));
  if (twice.length > 0) throw new InputError(`has the column ${twice.join(", ")} twice; leave one`);
  const has = (columns: readonly Column[] = []) => columns.length > 0 && columns.every((name) => names.includes(name));
  const missing = NEEDED.filter(([columns, instead]) => !has(columns) && !has(instead)).map(([columns, instead]) =>
    instead === undefined ? columns.join(" and ") : `${columns.join(" and ")} (or ${instead.join(" and ")})`,
  );
  if (missing.length === 0) return;
  const present = names.join(", ");
  const shown = present.length > 200 ? `${present.slice(0, 200)}…` : present;
  const hint = names.length === 1 && /[;\t|]/.test(present) ? "; columns are separated by commas" : "";
  throw new InputError(`lacks the columns ${missing.join("; ")}. It has: ${shown}${hint}`);
}
