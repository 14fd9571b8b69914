import { readFileSync, statSync } from "node:fs";
import { ConfigError, type Problem } from "./problems.ts";
import { parseToml, type Table, TomlSyntaxError } from "./toml.ts";

/** The text of a configuration file, and its parsed content. */
export interface ConfigFile {
  readonly text: string;
  readonly document: Table;
}

const SYNTAX = "TOML: one key = value per line, texts in quotes";
/** Far larger than a configuration with the maximum number of entries in every table. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a configuration file.
 * @param earlier problems that were found before, for the error
 * @throws ConfigError where the file is missing, cannot be read or is not TOML
 */
export function readConfigFile(file: string, earlier: readonly Problem[]): ConfigFile {
  const refuse = (wrong: string, right: string): never => {
    throw new ConfigError([...earlier, { where: file, key: "", wrong, right }]);
  };
  try {
    const about = statSync(file);
    // Reading a FIFO would block, and a reload reads the file again.
    if (!about.isFile()) return refuse("is not a regular file", "a regular file, or a link to one");
    if (about.size > MAX_BYTES) {
      return refuse(`has ${about.size} bytes`, "a configuration file of at most 16 MiB");
    }
    const bytes = readFileSync(file);
    const text = decode(bytes);
    if (text === null) return refuse("is not UTF-8 text", "TOML, saved as UTF-8");
    return { text, document: parseToml(text) };
  } catch (error) {
    if (error instanceof TomlSyntaxError) {
      const { line, column, message, right } = error;
      return refuse(`line ${line}, column ${column}: ${message}`, right ?? SYNTAX);
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code !== "ENOENT") return refuse(`cannot be read (${code})`, "a file that this user may read");
    return refuse(
      "does not exist",
      "a copy of config.example.toml at this path, or no --config to run on the defaults",
    );
  }
}

/** Decodes UTF-8; null where the bytes are invalid, such as UTF-16 or a file that is being overwritten. */
function decode(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? null : text;
  } catch {
    return null;
  }
}
