import { nearest } from "../lib/suggest.ts";
import { CONFIG_KEYS, type ConfigKey, ENV_PREFIX, expectedAt } from "./keys.ts";
import type { Problem } from "./problems.ts";
import { parseToml, TomlSyntaxError } from "./toml.ts";
import { isTooLarge, TOO_LARGE } from "./toml-hazards.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The variable that names the configuration file. */
export const FILE_VARIABLE = `${ENV_PREFIX}CONFIG`;

/** The variable with the key for `control … --url`: on the command line, other users could read it. */
export const CONTROL_KEY_VARIABLE = `${ENV_PREFIX}CONTROL_KEY`;

/** Variables that are no key of the configuration. */
const OTHERS = [FILE_VARIABLE, CONTROL_KEY_VARIABLE];
const TEST_PREFIX = `${ENV_PREFIX}TEST_`;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;
/** A value in quotes; some readers of env files do not remove them. */
const QUOTED = /^\s*(["']).*\1\s*$/s;
const IS_QUOTED = { wrong: "is in quotes, which become part of the value", right: "the value without quotes" };
const VALUE_KEY = "value";

/** The overrides of configuration keys in the environment. */
export interface Overrides {
  readonly values: readonly { readonly key: ConfigKey; readonly value: unknown }[];
  readonly problems: readonly Problem[];
  /** Warnings about variables with the prefix that are no key. */
  readonly warnings: readonly string[];
}

/** Reads the overrides; an empty variable counts as unset. The schema refuses values of a wrong type later. */
export function readOverrides(env: Env): Overrides {
  const values: { key: ConfigKey; value: unknown }[] = [];
  const problems: Problem[] = [];
  for (const key of CONFIG_KEYS) {
    const text = env[key.variable];
    if (text === undefined || text === "") continue;
    if (QUOTED.test(text) && key.kind !== "toml") {
      problems.push({ where: key.variable, key: key.dotted, ...IS_QUOTED });
      continue;
    }
    try {
      values.push({ key, value: readValue(text, key) });
    } catch (error) {
      if (!(error instanceof TomlSyntaxError)) throw error;
      const wrong = `line ${error.line}, column ${error.column}: ${error.message}`;
      const right = error.right ?? `a TOML value: ${expectedAt(key.path)}`;
      problems.push({ where: key.variable, key: key.dotted, wrong, right });
    }
  }
  return { values, problems, warnings: unknownVariables(env) };
}

function readValue(text: string, { kind }: ConfigKey): unknown {
  switch (kind) {
    case "text":
      return text;
    case "number":
      return readNumber(text.trim());
    case "boolean":
      return { true: true, false: false }[text.trim()] ?? text;
    case "texts":
      // No list entry begins with a bracket.
      if (text.trimStart().startsWith("[")) return readTomlValue(text.trim());
      return text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
    case "toml":
      return readTomlValue(text);
  }
}

function readNumber(text: string): number | string {
  if (isTooLarge(text)) throw new TomlSyntaxError(TOO_LARGE.wrong, 1, 1, TOO_LARGE.right);
  return NUMBER.test(text) ? Number(text) : text;
}

function readTomlValue(text: string): unknown {
  const before = `${VALUE_KEY} = `;
  try {
    const { [VALUE_KEY]: value, ...others } = parseToml(before + text);
    if (Object.keys(others).length === 0) return value;
  } catch (error) {
    if (!(error instanceof TomlSyntaxError) || error.line > 1) throw error;
    throw new TomlSyntaxError(error.message, 1, Math.max(1, error.column - before.length), error.right);
  }
  throw new TomlSyntaxError("has more text after the value", 1, 1);
}

function unknownVariables(env: Env): string[] {
  const known = CONFIG_KEYS.map(({ variable }) => variable);
  return Object.keys(env)
    .filter((name) => name.toUpperCase().startsWith(ENV_PREFIX) && !OTHERS.includes(name))
    .filter((name) => !name.startsWith(TEST_PREFIX))
    .filter((name) => !known.includes(name))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      return `${name} is not a key of the configuration and is ignored${meant === null ? "" : `; did you mean ${meant}?`}`;
    });
}
