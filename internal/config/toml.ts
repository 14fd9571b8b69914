import TOML from "@iarna/toml";
import { tomlHazard } from "./toml-hazards.ts";

export type Table = Record<string, unknown>;

/** A TOML syntax error. `line` and `column` count from 1; the message quotes at most one character of the text. */
export class TomlSyntaxError extends Error {
  override readonly name = "TomlSyntaxError";
  readonly line: number;
  readonly column: number;
  /** What would be right; null where only the syntax is wrong. */
  readonly right: string | null;

  constructor(message: string, line: number, column: number, right: string | null = null) {
    super(message);
    this.line = line;
    this.column = column;
    this.right = right;
  }
}

/**
 * Reads TOML.
 * @throws TomlSyntaxError
 */
export function parseToml(text: string): Table {
  const hazard = tomlHazard(text);
  if (hazard !== null) {
    const lines = text.slice(0, hazard.offset).split("\n");
    throw new TomlSyntaxError(hazard.wrong, lines.length, (lines.at(-1)?.length ?? 0) + 1, hazard.right);
  }
  try {
    return TOML.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const { message, line, col } = error as { message: string; line?: number; col?: number };
    if (line === undefined || col === undefined) throw error;
    // The parser's message goes on to quote the line, which may hold a password.
    const [what = ""] = message.split(" at row ");
    throw new TomlSyntaxError(what.charAt(0).toLowerCase() + what.slice(1), line + 1, col + 1);
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** Returns the value at a path of nested tables; undefined where there is none. */
export function valueIn(document: Table, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isTable(at) ? at[name] : undefined), document);
}

/** Formats a text, number, boolean, or list or table of such, on one line. */
export function formatTomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatTomlValue).join(", ")}]`;
  if (isTable(value)) return Object.keys(value).length === 0 ? "{}" : `{ ${formatTomlEntries(value).join(", ")} }`;
  // JSON's escapes are TOML's, except that TOML wants DEL escaped.
  return typeof value === "string" ? JSON.stringify(value).replaceAll("\x7f", "\\u007f") : String(value);
}

/** Formats the entries of a table, each on one line: `key = value`. */
export function formatTomlEntries(table: Table): string[] {
  return Object.entries(table).map(([name, value]) => `${formatTomlKey(name)} = ${formatTomlValue(value)}`);
}

export function formatTomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : formatTomlValue(key);
}
