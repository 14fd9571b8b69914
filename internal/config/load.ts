import { readFileSync } from "node:fs";
import { FX_QUOTE_MAX_AGE } from "../aggregate/floor.ts";
import { isFiat, parseAsset } from "../canonical/asset.ts";
import { formatDuration } from "../canonical/duration.ts";
import { MICROS_PER_SECOND } from "../canonical/time.ts";
import { type Env, FILE_VARIABLE, readOverrides } from "./env.ts";
import { findingsOf } from "./issues.ts";
import { CONFIG_KEYS } from "./keys.ts";
import { ConfigError, dotted, type Problem } from "./problems.ts";
import { type Config, configSchema } from "./schema.ts";
import { isTable, parseToml, type Table, TomlSyntaxError } from "./toml.ts";

const RATES_REACH_BACK_SECONDS = Number(FX_QUOTE_MAX_AGE / MICROS_PER_SECOND);

/** Where the value of a key comes from. */
export type Origin =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly file: string }
  | { readonly from: "variable"; readonly variable: string };

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null where the defaults and the environment are all there is. */
  readonly file: string | null;
  /** For every dotted key; the entries of `aggregate.aliases` and `aggregate.pegs` have one each beside the table's. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** What is not wrong but surely not meant, one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads the configuration: the environment's overrides before the file before the defaults. Without `file`, the
 * variable STELLARINDEX_CONFIG names it; without either there is no file.
 * @throws ConfigError that lists all problems
 */
export function loadConfig({ file: named, env }: { file?: string | undefined; env: Env }): LoadedConfig {
  const file = named ?? (env[FILE_VARIABLE] || null);
  const { values, problems, warnings } = readOverrides(env);
  const document = file === null ? {} : readFile(file, problems);
  const origins = originsIn(document, file);
  for (const { key, value } of values) {
    if (put(document, key.path, value)) origins.set(key.dotted, { from: "variable", variable: key.variable });
  }

  const parsed = configSchema.safeParse(document);
  const findings = parsed.success ? [] : parsed.error.issues.flatMap((issue) => findingsOf(issue, document));
  const found = findings.map(({ path, ...finding }) => ({ where: blame(path, origins, file), ...finding }));
  if (!parsed.success || problems.length > 0) throw new ConfigError([...problems, ...withoutRepeats(found)]);

  const config = parsed.data;
  addEntryOrigins(origins, document, config);
  return { config, file, origins, warnings: [...warnings, ...shortRetention(config)] };
}

/** @throws ConfigError, with the `earlier` problems, where the file is missing or no TOML */
function readFile(file: string, earlier: readonly Problem[]): Table {
  const refuse = (wrong: string, right: string): never => {
    throw new ConfigError([...earlier, { where: file, key: "", wrong, right }]);
  };
  try {
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

function originsIn(document: Table, file: string | null): Map<string, Origin> {
  return new Map(
    CONFIG_KEYS.map((key): [string, Origin] => {
      const value = key.path.reduce<unknown>((at, name) => (isTable(at) ? at[name] : undefined), document);
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

function addEntryOrigins(origins: Map<string, Origin>, document: Table, { aggregate }: Config): void {
  const { aggregate: section } = document;
  for (const name of ["aliases", "pegs"] as const) {
    const path = ["aggregate", name];
    const origin = origins.get(dotted(path));
    const table = isTable(section) ? section[name] : undefined;
    const declared = new Set(isTable(table) ? Object.keys(table).map(parseAsset) : []);
    for (const asset of aggregate[name].keys()) {
      origins.set(dotted([...path, asset]), declared.has(asset) && origin ? origin : { from: "default" });
    }
  }
}

function shortRetention({ database, aggregate }: Config): string[] {
  const longest = Math.max(...aggregate.windows);
  const { trades } = database.retention;
  const needsRates = aggregate.pairs.some(({ quote }) => isFiat(quote) && quote !== "fiat:USD");
  const rates =
    trades > 0 && trades < RATES_REACH_BACK_SECONDS && needsRates
      ? [
          `database.retention.trades (${formatDuration(trades)}) is shorter than the 168h that rates to USD may be old; pairs in other currencies fail where no rate lies in what is kept`,
        ]
      : [];
  return Object.entries(database.retention)
    .filter(([, kept]) => kept > 0 && kept < longest)
    .map(([table, kept]) => {
      const [short, long] = [formatDuration(kept), formatDuration(longest)];
      return `database.retention.${table} (${short}) is shorter than the longest window (${long}), which then has no value`;
    })
    .concat(rates);
}
