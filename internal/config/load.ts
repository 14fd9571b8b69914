import { z } from "zod";
import { type DeclaredNames, declaredNames } from "./declared-names.ts";
import { ENTRY_TABLES } from "./entry-tables.ts";
import { type Env, FILE_VARIABLE, readOverrides } from "./env.ts";
import { readConfigFile } from "./file.ts";
import { findingsOf } from "./issues.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { takeMisplaced } from "./misplaced.ts";
import { ConfigError, dotted, type Problem } from "./problems.ts";
import { type Config, configSchema } from "./schema.ts";
import { isTable, type Table, valueIn } from "./toml.ts";
import { warningsAbout } from "./warnings.ts";

/** The origin of a key's value. */
export type Origin =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly file: string }
  | { readonly from: "variable"; readonly variable: string };

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was loaded; null without a file. */
  readonly file: string | null;
  /** The text of the file. */
  readonly text: string;
  /** The names in the file, independent of the environment. */
  readonly names: DeclaredNames;
  /** The origin of every dotted key, and of each entry of tables such as `aggregate.aliases`. */
  readonly origins: ReadonlyMap<string, Origin>;
  /**
   * Warnings about valid settings that are probably mistakes, one sentence each; those about ignored variables first.
   */
  readonly warnings: readonly string[];
  /** The warnings about ignored variables. */
  readonly ignored: readonly string[];
}

const NO_FILE = { text: "", document: {} };

/**
 * Loads the configuration. Variables take precedence over the file, and the file over the defaults. Without `file`, the
 * variable STELLARINDEX_CONFIG names it; without either there is no file.
 * @throws ConfigError that lists all problems
 */
export function loadConfig({ file: named, env }: { file?: string | undefined; env: Env }): LoadedConfig {
  const file = named ?? (env[FILE_VARIABLE] || null);
  const { values, problems, warnings: ignored } = readOverrides(env);
  const { text, document: written } = file === null ? NO_FILE : readConfigFile(file, problems);
  const document = structuredClone(written);
  const origins = originsIn(document, file);
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
  const warnings = [...ignored, ...warningsAbout(config)];
  return { config, file, text, names: declaredNames(written), origins, warnings, ignored };
}

function originsIn(document: Table, file: string | null): Map<string, Origin> {
  return new Map(
    CONFIG_KEYS.map((key): [string, Origin] => {
      const value = valueIn(document, key.path);
      return [key.dotted, value === undefined || file === null ? { from: "default" } : { from: "file", file }];
    }),
  );
}

/** Puts a value into nested tables; returns false where one of them is not a table, which the schema then refuses. */
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

/** Removes repeated problems: a value such as -1.5 breaks several rules of its key, with the same message. */
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
