import { parse, TomlError } from "smol-toml";

export type Table = Record<string, unknown>;

/** A TOML text that cannot be read. `line` and `column` count from 1; the message quotes nothing of the text. */
export class TomlSyntaxError extends Error {
  override readonly name = "TomlSyntaxError";
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/**
 * Reads TOML. A whole number that a double cannot hold comes as a bigint, exactly, which no key takes.
 * @throws TomlSyntaxError
 */
export function parseToml(text: string): Table {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The parser's message goes on to quote the lines around, which may hold a password.
    const [what = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new TomlSyntaxError(what, error.line, error.column);
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The value at a path of nested tables; undefined where there is none. */
export function valueIn(document: Table, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isTable(at) ? at[name] : undefined), document);
}

/** A text, number, boolean, or list of them, on one line. */
export function formatTomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatTomlValue).join(", ")}]`;
  // JSON's escapes are TOML's, except that TOML wants DEL escaped.
  return typeof value === "string" ? JSON.stringify(value).replaceAll("\x7f", "\\u007f") : String(value);
}

export function formatTomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : formatTomlValue(key);
}
