import { z } from "zod";
import { CONFIG_KEYS } from "./keys.ts";
import type { LoadedConfig, Origin } from "./load.ts";
import { dotted } from "./problems.ts";
import { configSchema } from "./schema.ts";
import { maskSecrets } from "./secrets.ts";
import { formatTomlKey, formatTomlValue, isTable, type Table } from "./toml.ts";

const WIDEST_LIST = 60;

/** One line of TOML, and what its comment says. */
interface Line {
  readonly text: string;
  readonly comment?: string;
}

/**
 * The values in effect as TOML, each key with a comment that says where it comes from. Passwords are masked; apart from
 * these it reads back as the same configuration.
 */
export function formatConfig({ config, file, origins }: LoadedConfig): string {
  const { sources, ...sections } = z.encode(configSchema, config) as Table & { sources: Table[] };
  const originOf = (path: readonly string[]): string => describeOrigin(origins.get(dotted(path)));
  // A list without entries can only be written as a key, and such keys come before the first section.
  const top = sources.length === 0 ? [[valueLine("sources", "[]", originOf(["sources"]))]] : [];
  const blocks = [
    [{ text: file === null ? "# no configuration file" : `# file: ${JSON.stringify(file)}` }],
    ...top,
    ...Object.entries(sections).flatMap(([name, section]) => tableBlocks([name], section as Table, originOf)),
    ...sources.map((source) => [
      { text: "[[sources]]" },
      ...Object.entries(source).flatMap(([name, value]) => valueLines(name, value, originOf(["sources"]))),
    ]),
  ];
  return `${blocks.map(align).join("\n\n")}\n`;
}

function tableBlocks(path: readonly string[], table: Table, originOf: (path: readonly string[]) => string): Line[][] {
  const entries = Object.entries(table);
  const own = entries.filter(([, value]) => !isTable(value));
  const inner = entries.flatMap(([name, value]) => (isTable(value) ? [[name, value] as const] : []));
  const header = {
    text: `[${path.map(formatTomlKey).join(".")}]`,
    // An empty table still has an origin; others say it line by line.
    ...(entries.length === 0 && isKey(path) ? { comment: originOf(path) } : {}),
  };
  return [
    [header, ...own.flatMap(([name, value]) => valueLines(name, value, originOf([...path, name])))],
    ...inner.flatMap(([name, value]) => tableBlocks([...path, name], value, originOf)),
  ];
}

function isKey(path: readonly string[]): boolean {
  return CONFIG_KEYS.some((key) => key.dotted === dotted(path));
}

function valueLines(name: string, value: unknown, comment: string): Line[] {
  const text = formatTomlValue(typeof value === "string" ? maskSecrets(value) : value);
  if (!Array.isArray(value) || text.length <= WIDEST_LIST) return [valueLine(name, text, comment)];
  return [
    valueLine(name, "[", comment),
    ...value.map((entry) => ({ text: `  ${formatTomlValue(entry)},`, comment })),
    { text: "]" },
  ];
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
