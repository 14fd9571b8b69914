import { formatPair, parsePair, parseTypedPair } from "../canonical/pair.ts";
import { ENTRY_TABLES } from "./entry-tables.ts";
import { dotted } from "./problems.ts";
import { isTable, type Table } from "./toml.ts";

type Path = readonly string[];

/** The tables, keys and entries of a file: `aggregate`, `aggregate.min_usd_volume`, `sources.kraken.weight`. */
export type DeclaredNames = ReadonlyMap<string, Path>;

/**
 * Returns the names of all tables, keys and entries of a valid file. Entries of a list are named by their `name` or
 * `target`, and assets by their canonical form, so that order and spelling do not matter.
 */
export function declaredNames(document: Table): DeclaredNames {
  return new Map(pathsIn(document, []).map((path) => [dotted(path), path]));
}

/** Returns the names of the first file that the second lacks, dotted; for a missing table only its own name. */
export function missingNames(before: DeclaredNames, after: DeclaredNames): string[] {
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

/** Returns the name of an entry: of a source or API key its `name`, of a chain its target, of a feed its source and pair. */
function nameOf({ name, target, source, pair }: Table): string {
  if (typeof source === "string")
    return typeof pair === "string" ? `${source} ${formatPair(parseTypedPair(pair))}` : source;
  return typeof target === "string" ? formatPair(parsePair(target)) : String(name);
}
