import { editDistance, nearest } from "../lib/suggest.ts";
import { ENTRY_TABLES } from "./entry-tables.ts";
import type { Finding } from "./issues.ts";
import { CONFIG_ROOT, type SchemaNode } from "./keys.ts";
import { dotted } from "./problems.ts";
import { maskAnything } from "./secrets.ts";
import { isTable, type Table, valueIn } from "./toml.ts";

type Path = readonly string[];

/** The tables that each key name of the configuration belongs to, and whether they are lists of tables. */
const HOMES = homesOf(CONFIG_ROOT, [], false);

interface Home {
  readonly table: Path;
  readonly isList: boolean;
}

/**
 * Finds and removes configuration keys below the wrong header, in tables where they would be read as assets:
 * `windows = ["5m"]` below `[aggregate.aliases]`. A token with such a name has to be written in full, `crypto:windows`.
 */
export function takeMisplaced(document: Table): Finding[] {
  return ENTRY_TABLES.flatMap(({ path }) => {
    const table = valueIn(document, path);
    return isTable(table) ? Object.keys(table).flatMap((name) => takeKey(table, path, name) ?? []) : [];
  });
}

function takeKey(table: Table, path: Path, name: string): Finding | null {
  const wrong = wrongWith(name, path);
  if (wrong === null) return null;
  delete table[name];
  return { path: [...path, name], key: dotted([...path, maskAnything(name)]), ...wrong };
}

function wrongWith(name: string, path: Path): Pick<Finding, "wrong" | "right"> | null {
  const meant = HOMES.has(name) ? name : misspelt(name);
  if (meant === null) return null;
  const homes = HOMES.get(meant) ?? [];
  const near = Math.max(...homes.map(({ table }) => shared(table, path)));
  const places = homes.filter(({ table }) => shared(table, path) === near).map((home) => written(home, meant));
  return {
    wrong: "is a key of the configuration, not an asset, and is below the wrong header",
    right: `${places.join(" or ")}, above [${path.join(".")}] or below a header of its own`,
  };
}

/**
 * Returns the configuration key that a misspelt name means; null for codes, which are mostly capitals, without
 * underscores.
 */
function misspelt(name: string): string | null {
  const names = [...HOMES.keys()];
  if (name.includes("_")) return nearest(name, names);
  if (name.length < 4 || name === name.toUpperCase()) return null;
  // Without underscores too, as in minUsdVolume.
  return names.find((candidate) => editDistance(name.toLowerCase(), candidate.replaceAll("_", "")) <= 1) ?? null;
}

function written({ table, isList }: Home, name: string): string {
  if (table.length === 0) return `[${name}]`;
  return isList ? `${name} below [[${table.join(".")}]]` : `${name} below [${table.join(".")}]`;
}

/** Returns the length of the common prefix of two paths. */
function shared(one: Path, other: Path): number {
  const length = one.findIndex((name, depth) => name !== other[depth]);
  return length < 0 ? one.length : length;
}

function homesOf(node: SchemaNode, table: Path, isList: boolean): Map<string, Home[]> {
  const homes = new Map<string, Home[]>();
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const inner = child.items ?? child;
    for (const [found, at] of [
      [name, [{ table, isList }]] as const,
      ...homesOf(inner, [...table, name], inner !== child),
    ]) {
      homes.set(found, [...(homes.get(found) ?? []), ...at]);
    }
  }
  return homes;
}
