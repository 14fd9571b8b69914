import type { Given } from "./given.ts";
import { plainName } from "./match.ts";
import { refusalOf } from "./refused.ts";

/** Names by which files call what `import` calls otherwise; they are suggested, never assumed. */
const LIKELY: readonly (readonly [field: string, names: readonly string[]])[] = [
  ["ts", ["time", "timestamp", "date", "datetime", "createdat", "executedat", "unixtime"]],
  ["price", ["price", "p", "rate"]],
  ["size", ["size", "amount", "qty", "quantity", "volume", "vol"]],
  ["trade_id", ["id", "tid", "tradeid"]],
  ["source", ["exchange"]],
  ["pair", ["symbol", "instrument", "product", "productid"]],
];

/** Returns what to do with a file that has these columns and is in no known format; null where nothing is known. */
export function adviceOn(columns: readonly string[], { delimiter }: Given): string | null {
  const refusal = refusalOf(columns);
  if (refusal !== null) return refusal;
  const [only = "", ...others] = columns;
  const other = /[;|\t]/.exec(only)?.[0];
  if (others.length === 0 && delimiter === undefined && other !== undefined) {
    return `has its columns separated by ${JSON.stringify(other)}: add --delimiter ${other === "\t" ? "tab" : `'${other}'`}`;
  }
  const own = new Set(columns.map((name) => name.trim().toLowerCase()));
  if (!isHeader(columns)) return null;
  const mapped = LIKELY.flatMap(([field, names]) => {
    const column = own.has(field) ? undefined : columns.find((name) => names.includes(plainName(name)));
    return column === undefined ? [] : [`${field}=${column.trim()}`];
  });
  const hasMapped = (field: string): boolean => own.has(field) || mapped.some((each) => each.startsWith(`${field}=`));
  if (!["ts", "price", "size"].every(hasMapped) && !(own.has("base_amount") && own.has("quote_amount"))) return null;
  const options = [
    ...(mapped.length > 0 ? [`--map ${mapped.join(",")}`] : []),
    ...(hasMapped("source") || own.has("venue") ? [] : ["--source NAME"]),
    ...(hasMapped("pair") || (own.has("base") && own.has("quote")) ? [] : ["--pair BASE/QUOTE"]),
  ];
  if (options.length === 0) return null;
  const list = columns
    .map((name) => name.trim())
    .join(", ")
    .slice(0, 200);
  return `is in no known format. It has the columns ${list}; if they mean that, add ${options.join(" ")}`;
}

/** Returns whether a first line has names rather than values. */
export function isHeader(columns: readonly string[]): boolean {
  return columns.every((name) => !/^\s*-?\d/.test(name));
}
