import { formatPair, parsePair } from "../canonical/pair.ts";
import { ENTRY_TABLES } from "./entry-tables.ts";
import { dotted } from "./problems.ts";
import { isTable, type Table } from "./toml.ts";

type Path = readonly string[];

/** The tables, keys and entries that a file has: `aggregate`, `aggregate.min_usd_volume`, `sources.kraken.weight`. */
export type WrittenNames = ReadonlyMap<string, Path>;

/**
 * The names of everything in a file that can be used. The entries of a list of tables go by what they are about, and
 * assets by their canonical form, so that neither another order nor another spelling is another name.
 */
export function writtenNames(document: Table): WrittenNames {
  return new Map(pathsIn(document, []).map((path) => [dotted(path), path]));
}

/** What the second of two files lacks of the first, dotted; of a table that is gone only its own name. */
export function lostNames(before: WrittenNames, after: WrittenNames): string[] {
  return [...before].flatMap(([name, path]) =>
    after.has(name) || (path.length > 1 && !after.has(dotted(path.slice(0, -1)))) ? [] : [name],
  );
}

function pathsIn(table: Table, path: Path): Path[] {
  const { canonical = (key: string) => key } =
    ENTRY_TABLES.find((entries) => dotted(entries.path) === dotted(path)) ?? {};
  return Object.entries(table).flatMap(([key, value]) => {
    const at = [...path, canonical(key)];
    if (isTable(value)) return [at, ...pathsIn(value, at)];
    if (!Array.isArray(value)) return [at];
    const entries = value.filter(isTable).map((entry) => ({ entry, at: [...at, nameOf(entry)] }));
    return [at, ...entries.flatMap(({ entry, at }) => [at, ...pathsIn(entry, at)])];
  });
}

/** Sources and API keys have names, and a chain is the only one of its target. */
function nameOf({ name, target }: Table): string {
  return typeof target === "string" ? formatPair(parsePair(target)) : String(name);
}
