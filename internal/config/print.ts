import { z } from "zod";
import { CONFIG_KEYS, type ConfigKey, secretAt } from "./keys.ts";
import type { LoadedConfig, Origin } from "./load.ts";
import { dotted } from "./problems.ts";
import { configSchema } from "./schema.ts";
import { maskSecret, maskSecrets } from "./secrets.ts";
import { formatTomlKey, formatTomlValue, isTable, type Table } from "./toml.ts";

const MAX_LIST_WIDTH = 60;

/** A line of TOML and its comment. */
interface Line {
  readonly text: string;
  readonly comment?: string;
}

type OriginOf = (path: readonly string[]) => string;

/**
 * Formats the values in effect as TOML, each key with its origin as a comment. Secrets are masked; apart from these,
 * the text loads as the same configuration.
 */
export function formatConfig({ config, file, origins }: LoadedConfig): string {
  const document = z.encode(configSchema, config) as Table;
  const blocks = [
    [{ text: file === null ? "# no configuration file" : `# file: ${JSON.stringify(file)}` }],
    ...tableBlocks([], [], document, (path) => describeOrigin(origins.get(dotted(path)))),
  ];
  return `${blocks.map(align).join("\n\n")}\n`;
}

/** A table's own keys under its header, then the tables within it, each a block. */
function tableBlocks(header: readonly Line[], path: readonly string[], table: Table, originOf: OriginOf): Line[][] {
  const own: Line[] = [];
  const inner: Line[][] = [];
  for (const [name, value] of Object.entries(table)) {
    const at = [...path, name];
    if (isTable(value)) inner.push(...tableBlocks([headerOf(at, value, originOf)], at, value, originOf));
    else if (isTableList(value)) inner.push(...listBlocks(at, value, originOf(at)));
    else own.push(...valueLines(at, value, originOf(at)));
  }
  const block = [...header, ...own];
  return block.length === 0 ? inner : [block, ...inner];
}

function headerOf(path: readonly string[], table: Table, originOf: OriginOf): Line {
  const text = `[${titleOf(path)}]`;
  // Only an empty table shows its origin here; others show it on each line.
  return Object.keys(table).length === 0 && keyAt(path) !== undefined ? { text, comment: originOf(path) } : { text };
}

/** The tables of a list, each under the list's name, with the origin of the list. */
function listBlocks(path: readonly string[], tables: readonly Table[], origin: string): Line[][] {
  const header = { text: `[[${titleOf(path)}]]` };
  return tables.flatMap((table) => tableBlocks([header], path, table, () => origin));
}

/** An empty list does not count: TOML can only write it as a key. */
function isTableList(value: unknown): value is Table[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function titleOf(path: readonly string[]): string {
  return path.map(formatTomlKey).join(".");
}

function keyAt(path: readonly string[]): ConfigKey | undefined {
  return CONFIG_KEYS.find((key) => key.dotted === dotted(path));
}

function valueLines(path: readonly string[], value: unknown, comment: string): Line[] {
  const name = path.at(-1) ?? "";
  const shown = masked(value, path);
  const text = formatTomlValue(shown);
  if (!Array.isArray(shown) || text.length <= MAX_LIST_WIDTH) return [valueLine(name, text, comment)];
  return [
    valueLine(name, "[", comment),
    ...shown.map((entry) => ({ text: `  ${formatTomlValue(entry)},`, comment })),
    { text: "]" },
  ];
}

/** A value without its secrets; `path` leads through lists without their indexes. */
function masked(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((entry) => masked(entry, path));
  if (isTable(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, masked(inner, [...path, name])]));
  }
  if (typeof value !== "string") return value;
  const secret = secretAt(path);
  return secret === null ? maskSecrets(value) : maskSecret(value, secret);
}

function valueLine(name: string, value: string, comment: string): Line {
  return { text: `${formatTomlKey(name)} = ${value}`, comment };
}

function describeOrigin(origin: Origin | undefined): string {
  return origin?.from === "variable" ? origin.variable : (origin?.from ?? "default");
}

function align(lines: readonly Line[]): string {
  const width = Math.max(...lines.filter(({ comment }) => comment !== undefined).map(({ text }) => text.length));
  return lines
    .map(({ text, comment }) => (comment === undefined ? text : `${text.padEnd(width)}  # ${comment}`))
    .join("\n");
}
