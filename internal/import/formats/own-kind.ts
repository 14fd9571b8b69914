import { isEpoch, TIME_UNITS } from "../../canonical/epoch.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import { formatPair, makePair, type Pair, parsePair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import { timeProblem } from "../../canonical/trade-rules.ts";
import { accepted, type Fields, inColumn, value } from "../../ingest/fields.ts";
import type { Columns } from "../columns.ts";
import type { FileKind } from "../file-kind.ts";
import type { Given } from "./given.ts";
import type { Understood } from "./recognition.ts";
import { timeReader } from "./time-rules.ts";

/** Returns the column of the file that a field of a trade is read from. */
export function columnOf(field: string, { map }: Given): string {
  return map?.get(field) ?? field;
}

/**
 * Returns the kind of files with the columns of `import`, changed by what is given: columns are called as `map` says,
 * and source and pair need no column if they are given.
 */
export function withGiven(kind: FileKind, given: Given): FileKind {
  const { map, source, pair, timeUnit, zone } = given;
  if ([map, source, pair, timeUnit, zone].every((option) => option === undefined)) return kind;
  const { names, needed } = kind.columns;
  const isGiven = (field: string): boolean =>
    (field === "source" && given.source !== undefined) || (field === "base" && given.pair !== undefined);
  const columns: Columns = {
    names: [...new Set(names.map((field) => columnOf(field, given)))],
    needed: needed
      .filter(([fields]) => !fields.some(isGiven))
      .map(([fields, instead]) => {
        const renamed = (list: readonly string[]): string[] => list.map((field) => columnOf(field, given));
        return instead === undefined ? [renamed(fields)] : [renamed(fields), renamed(instead)];
      }),
  };
  const setPair = pairSetter(given);
  return {
    columns,
    readRow(record) {
      const fields: Fields = {};
      for (const field of names) {
        const text = record[columnOf(field, given)];
        if (text !== undefined) fields[field] = text;
      }
      setTime(fields, given);
      setSource(fields, given);
      setPair(fields);
      return kind.readRow(fields);
    },
  };
}

function setTime(fields: Fields, given: Given): void {
  const text = value(fields, "ts");
  if (text === undefined) return;
  if (given.timeUnit === undefined && given.map !== undefined && isEpoch(text)) {
    throw new InputError(
      `${columnOf("ts", given)} ${quoted(text)} is a number since 1970: add --time-unit s, ms, us or ns`,
    );
  }
  if (given.timeUnit === undefined && given.zone === undefined) return;
  fields["ts"] = formatTime(accepted("ts", inColumn("ts", timeReader(given), text), timeProblem));
}

function setSource(fields: Fields, { source }: Given): void {
  if (source === undefined) return;
  const own = value(fields, "source") ?? value(fields, "venue");
  if (own !== undefined && own.toLowerCase() !== source)
    throw new InputError(`source ${quoted(own)} is not that of --source`);
  fields["source"] = source;
}

/** Returns what sets the given pair. A file may call it by a symbol of the venue's, which is then the same in all rows. */
function pairSetter({ pair }: Given): (fields: Fields) => void {
  if (pair === undefined) return () => {};
  let symbol: string | undefined;
  return (fields) => {
    const [base, quote, own] = ["base", "quote", "pair"].map((column) => value(fields, column));
    if (base !== undefined && quote !== undefined) requireSame(makePair(base, quote), pair);
    else if (own?.includes("/")) requireSame(parsePair(own), pair);
    else if (own !== undefined) {
      symbol ??= own;
      if (own !== symbol) {
        throw new InputError(`pair ${quoted(own)} is not ${quoted(symbol)} as in the first row; --pair names one pair`);
      }
    }
    Object.assign(fields, pair);
  };
}

function requireSame(own: Pair, given: Pair): void {
  if (formatPair(own) !== formatPair(given)) throw new InputError(`pair ${formatPair(own)} is not that of --pair`);
}

/** Returns what was understood of a file with the columns of `import`, as they are or as `--map` calls them. */
export function understoodOwn({ columns }: FileKind, present: readonly string[], given: Given): Understood {
  const read = columns.names.filter((field) => present.includes(columnOf(field, given)));
  const said = read.map((field) =>
    columnOf(field, given) === field ? field : `${field} from ${columnOf(field, given)}`,
  );
  return {
    format: null,
    fields: [
      ...said,
      ...(given.source === undefined ? [] : [`source ${given.source}, as given`]),
      ...(given.pair === undefined ? [] : [`pair ${formatPair(given.pair)}, as given`]),
      ...(given.timeUnit === undefined ? [] : [`times in ${TIME_UNITS[given.timeUnit].name} since 1970`]),
    ],
  };
}

/**
 * Parses `--map`: pairs of a field of a trade and a column of the file, as in `ts=timestamp,price=p`.
 * @throws InputError where it is not written so, or names an unknown field
 */
export function parseMap(text: string, fields: readonly string[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const [field, column] = [part.slice(0, Math.max(at, 0)).trim(), part.slice(at + 1).trim()];
    if (at < 1 || column === "") throw new InputError(`${quoted(part)} is not FIELD=COLUMN, such as ts=timestamp`);
    if (!fields.includes(field)) throw new InputError(`${quoted(field)} is none of ${fields.join(", ")}`);
    if (map.has(field)) throw new InputError(`${field} is named twice`);
    map.set(field, column);
  }
  return map;
}
