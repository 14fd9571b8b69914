import { readFileSync, statSync } from "node:fs";
import { ConfigError, type Problem } from "./problems.ts";
import { parseToml, type Table, TomlSyntaxError } from "./toml.ts";

/** The text of a configuration file, and what it says. */
export interface ConfigFile {
  readonly text: string;
  readonly document: Table;
}

const SYNTAX = "TOML: key = value, texts in quotes, one key a line";
/** Far more than a configuration with the most entries that every table may have. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/**
 * Reads a configuration file.
 * @param earlier problems that were found before, for the error
 * @throws ConfigError where the file is missing, cannot be read or is no TOML
 */
export function readConfigFile(file: string, earlier: readonly Problem[]): ConfigFile {
  const refuse = (wrong: string, right: string): never => {
    throw new ConfigError([...earlier, { where: file, key: "", wrong, right }]);
  };
  try {
    const about = statSync(file);
    // A FIFO would be waited for, and a reload reads the file again.
    if (!about.isFile()) return refuse("is no regular file", "a file, or a link to one, that stays");
    if (about.size > LARGEST_BYTES) {
      return refuse(`has ${about.size} bytes`, "a configuration file, of 16 MiB at most");
    }
    const bytes = readFileSync(file);
    const text = decode(bytes);
    if (text === null) return refuse("is no UTF-8 text", "TOML, saved as UTF-8");
    return { text, document: parseToml(text) };
  } catch (error) {
    if (error instanceof TomlSyntaxError) {
      const { line, column, message, right } = error;
      return refuse(`line ${line}, column ${column}: ${message}`, right ?? SYNTAX);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code !== "ENOENT") return refuse(`cannot be read (${code})`, "a file that this user may read");
    return refuse("there is no such file", "a copy of config.example.toml there, or no file to run on the defaults");
  }
}

/** Null where the bytes are no UTF-8, as those of UTF-16 and of a file that was being overwritten. */
function decode(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}
