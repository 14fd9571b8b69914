import { TIME_UNITS } from "../../canonical/epoch.ts";
import { InputError, quoted } from "../../canonical/input-error.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime } from "../../canonical/time.ts";
import { timeProblem } from "../../canonical/trade-rules.ts";
import { accepted, empty, type Fields, inColumn, value } from "../../ingest/fields.ts";
import { setBounded } from "../../lib/bounded-map.ts";
import type { Format, PairRule } from "./format.ts";
import { type Given, OPTION } from "./given.ts";
import { timeReader } from "./time-rules.ts";

/** How the records of a file are read. */
export interface Reading {
  /** What was understood, by field of a trade, for people. */
  readonly understood: readonly string[];
  /**
   * Returns a record in the columns of `import`.
   * @throws InputError where the record does not follow the format
   */
  readonly read: (record: Fields) => Fields;
}

type Setter = (record: Fields, fields: Fields) => void;

interface Part {
  readonly said: string;
  readonly set: Setter;
}

const MAX_SYMBOLS = 10_000;

/** What is known of a file before its first record is read. */
export interface FileFacts {
  /** Names of the file without directories, the most telling one first. */
  readonly names: readonly string[];
  readonly has: (column: string) => boolean;
  /** Returns how a column is called in the file, for people. */
  readonly nameOf: (column: string) => string;
}

/**
 * Opens a format for a file.
 * @throws InputError that names the option to add where neither the file nor its name tells all
 */
export function openFormat(format: Format, given: Given, file: FileFacts): Reading {
  const parts = [timePart(format, given, file), ...amountParts(format, given, file), sourcePart(format, given, file)];
  if (format.pair !== null) parts.push(pairPart(format.pair, given, file));
  return {
    understood: parts.map(({ said }) => said),
    read(record) {
      const fields: Fields = {};
      for (const { set } of parts) set(record, fields);
      return fields;
    },
  };
}

function timePart({ columns, time }: Format, given: Given, { nameOf }: FileFacts): Part {
  const read = timeReader(given, time);
  const column = nameOf(columns.ts);
  return {
    said: `ts from ${column}, ${given.timeUnit === undefined ? time.said : `${TIME_UNITS[given.timeUnit].name} since 1970`}`,
    set(record, fields) {
      const time = inColumn(column, read, value(record, columns.ts) ?? empty(column));
      fields["ts"] = formatTime(accepted(column, time, timeProblem));
    },
  };
}

function amountParts(format: Format, given: Given, { has, nameOf }: FileFacts): Part[] {
  const { columns, market, idPrefix = "" } = format;
  const copied = (["price", "size"] as const).flatMap((field) => {
    const column = columns[field];
    return column === undefined ? [] : [copy(field, column, nameOf(column))];
  });
  const id = columns.trade_id;
  if (id !== undefined) {
    copied.push({
      said: has(id) ? `trade_id from ${idPrefix === "" ? "" : `"${idPrefix}" and `}${nameOf(id)}` : "trade_id by --ids",
      set(record, fields) {
        const text = value(record, id);
        if (text !== undefined) fields["trade_id"] = `${idPrefix}${text}`;
      },
    });
  }
  if (market === undefined) return copied;
  const said = `market and amounts from ${market.columns.map(nameOf).join(", ")}`;
  return [...copied, { said, set: (record, fields) => Object.assign(fields, market.read(record, given)) }];
}

function copy(field: string, column: string, name: string): Part {
  return {
    said: `${field} from ${name}`,
    set(record, fields) {
      fields[field] = record[column];
    },
  };
}

function sourcePart({ name, source }: Format, given: Given, { names, nameOf }: FileFacts): Part {
  const fixed = (text: string, said: string): Part => ({
    said: `source ${text}, ${said}`,
    set(_record, fields) {
      fields["source"] = text;
    },
  });
  const { always, column, ofColumn = (text: string) => text, inName } = source;
  if (given.source !== undefined) {
    const part = fixed(given.source, "as given");
    return column === undefined ? part : withOneValue(part, column, nameOf(column), "--source names one source");
  }
  if (column !== undefined) {
    return {
      said: `source from ${nameOf(column)}`,
      set(record, fields) {
        fields["source"] = ofColumn(value(record, column) ?? empty(nameOf(column)));
      },
    };
  }
  if (always !== undefined) return fixed(always, `that of the format ${name}`);
  const found = firstOf(names, inName);
  if (found !== undefined) return fixed(found.text, `from the file name ${quoted(found.name)}`);
  throw new InputError(`does not say which source its trades are of: add ${OPTION.source}`);
}

function pairPart(rule: PairRule, given: Given, { names, has, nameOf }: FileFacts): Part {
  const { inName, pairOf } = rule;
  const column = rule.column !== undefined && has(rule.column) ? rule.column : undefined;
  const fixed = (pair: Pair, said: string): Part => ({
    said: `pair ${formatPair(pair)}, ${said}`,
    set: (_record, fields) => setPair(fields, pair),
  });
  if (given.pair !== undefined) {
    const part = fixed(given.pair, "as given");
    return column === undefined ? part : withOneValue(part, column, nameOf(column), "--pair names one pair");
  }
  return column === undefined ? fixed(...pairInName()) : pairColumn(column, nameOf(column), pairOf);

  function pairInName(): [pair: Pair, said: string] {
    const found = firstOf(names, inName);
    if (found !== undefined) return [pairOf(found.text, {}), `from the file name ${quoted(found.name)}`];
    throw new InputError(`does not say which pair its trades are of, nor does its name: add ${OPTION.pair}`);
  }
}

function pairColumn(column: string, name: string, pairOf: PairRule["pairOf"]): Part {
  const known = new Map<string, Pair>();
  return {
    said: `pair from ${name}`,
    set(record, fields) {
      const symbol = value(record, column) ?? empty(name);
      let pair = known.get(symbol);
      if (pair === undefined) {
        pair = pairOf(symbol, record);
        setBounded(known, symbol, pair, MAX_SYMBOLS);
      }
      setPair(fields, pair);
    },
  };
}

function setPair(fields: Fields, { base, quote }: Pair): void {
  fields["base"] = base;
  fields["quote"] = quote;
}

/** Makes a part that is given for the whole file refuse records with another value in the column that it stands for. */
function withOneValue(part: Part, column: string, name: string, why: string): Part {
  let first: string | undefined;
  return {
    said: part.said,
    set(record, fields) {
      const text = value(record, column);
      first ??= text;
      if (text !== first) {
        throw new InputError(`${name} ${quoted(text ?? "")} is not ${quoted(first ?? "")} as in the first row; ${why}`);
      }
      part.set(record, fields);
    },
  };
}

function firstOf(
  names: readonly string[],
  find: ((name: string) => string | undefined) | undefined,
): { readonly name: string; readonly text: string } | undefined {
  for (const name of names) {
    const text = find?.(name);
    if (text !== undefined) return { name, text };
  }
  return undefined;
}
