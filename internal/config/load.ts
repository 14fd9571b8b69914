import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { ENTRY_TABLES } from "./entry-tables.ts";
import { type Env, FILE_VARIABLE, readOverrides } from "./env.ts";
import { findingsOf } from "./issues.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { takeMisplaced } from "./misplaced.ts";
import { ConfigError, dotted, type Problem } from "./problems.ts";
import { type Config, configSchema } from "./schema.ts";
import { isTable, parseToml, type Table, TomlSyntaxError, valueIn } from "./toml.ts";
import { warningsAbout } from "./warnings.ts";

/** Where the value of a key comes from. */
export type Origin =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly file: string }
  | { readonly from: "variable"; readonly variable: string };

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null where the defaults and the environment are all there is. */
  readonly file: string | null;
  /** The tables of the file, dotted, `[[api.keys]]` as `api.keys`. */
  readonly tables: readonly string[];
  /** For every dotted key; the entries of tables such as `aggregate.aliases` have one each beside the table's. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** What is not wrong but surely not meant, one sentence each; what is ignored first. */
  readonly warnings: readonly string[];
  /** Those of the warnings that tell of variables which are ignored. */
  readonly ignored: readonly string[];
}

/**
 * Reads the configuration: the environment's overrides before the file before the defaults. Without `file`, the
 * variable STELLARINDEX_CONFIG names it; without either there is no file.
 * @throws ConfigError that lists all problems
 */
export function loadConfig({ file: named, env }: { file?: string | undefined; env: Env }): LoadedConfig {
  const file = named ?? (env[FILE_VARIABLE] || null);
  const { values, problems, warnings: ignored } = readOverrides(env);
  const document = file === null ? {} : readFile(file, problems);
  const origins = originsIn(document, file);
  const tables = tablesIn(document);
  for (const { key, value } of values) {
    if (put(document, key.path, value)) origins.set(key.dotted, { from: "variable", variable: key.variable });
  }

  const misplaced = takeMisplaced(document);
  const parsed = configSchema.safeParse(document);
  const refused = parsed.success ? [] : parsed.error.issues.flatMap((issue) => findingsOf(issue, document));
  const findings = [...misplaced, ...refused];
  const found = findings.map(({ path, ...finding }) => ({ where: blame(path, origins, file), ...finding }));
  if (!parsed.success || findings.length + problems.length > 0) {
    throw new ConfigError([...problems, ...withoutRepeats(found)]);
  }

  const config = parsed.data;
  addEntryOrigins(origins, document, config);
  return { config, file, tables, origins, warnings: [...ignored, ...warningsAbout(config)], ignored };
}

/** @throws ConfigError, with the `earlier` problems, where the file is missing or no TOML */
function readFile(file: string, earlier: readonly Problem[]): Table {
  const refuse = (wrong: string, right: string): never => {
    throw new ConfigError([...earlier, { where: file, key: "", wrong, right }]);
  };
  try {
    // A FIFO would be waited for, and a reload reads the file again.
    if (!statSync(file).isFile()) return refuse("is no regular file", "a file, or a link to one, that stays");
    return parseToml(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof TomlSyntaxError) {
      const { line, column, message } = error;
      return refuse(`line ${line}, column ${column}: ${message}`, "TOML: key = value, texts in quotes, one key a line");
    }
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code !== "ENOENT") return refuse(`cannot be read (${code})`, "a file that this user may read");
    return refuse("there is no such file", "a copy of config.example.toml there, or no file to run on the defaults");
  }
}

function tablesIn(document: Table, path: readonly string[] = []): string[] {
  return Object.entries(document).flatMap(([name, value]) => {
    const at = [...path, name];
    if (isTable(value)) return [dotted(at), ...tablesIn(value, at)];
    return Array.isArray(value) && value.some(isTable) ? [dotted(at)] : [];
  });
}

function originsIn(document: Table, file: string | null): Map<string, Origin> {
  return new Map(
    CONFIG_KEYS.map((key): [string, Origin] => {
      const value = valueIn(document, key.path);
      return [key.dotted, value === undefined || file === null ? { from: "default" } : { from: "file", file }];
    }),
  );
}

/** Puts a value into nested tables; false where one of them is something else, which the schema then refuses. */
function put(document: Table, path: readonly string[], value: unknown): boolean {
  const [name = "", ...rest] = path;
  if (rest.length === 0) {
    document[name] = value;
    return true;
  }
  document[name] ??= {};
  const inner = document[name];
  return isTable(inner) && put(inner, rest, value);
}

function blame(path: readonly PropertyKey[], origins: ReadonlyMap<string, Origin>, file: string | null): string {
  const key = CONFIG_KEYS.find((candidate) => candidate.path.every((name, depth) => path[depth] === name));
  const origin = key && origins.get(key.dotted);
  if (origin?.from === "variable") return origin.variable;
  return origin?.from === "default" ? "default" : (file ?? "environment");
}

/** A value such as -1.5 breaks several rules of its key, which all read the same. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.key}\n${problem.wrong}`, problem])).values()];
}

function addEntryOrigins(origins: Map<string, Origin>, document: Table, config: Config): void {
  const effective = z.encode(configSchema, config) as Table;
  for (const { path, canonical } of ENTRY_TABLES) {
    const origin = origins.get(dotted(path));
    const declared = new Set(keysAt(document, path).map(canonical));
    for (const key of keysAt(effective, path)) {
      origins.set(dotted([...path, key]), declared.has(key) && origin ? origin : { from: "default" });
    }
  }
}

function keysAt(document: Table, path: readonly string[]): string[] {
  const table = valueIn(document, path);
  return isTable(table) ? Object.keys(table) : [];
}
