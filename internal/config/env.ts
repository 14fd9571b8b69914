import { CONFIG_KEYS, type ConfigKey, ENV_PREFIX, expectedAt } from "./keys.ts";
import type { Problem } from "./problems.ts";
import { nearest } from "./suggest.ts";
import { parseToml, TomlSyntaxError } from "./toml.ts";
import { isTooLarge, TOO_LARGE } from "./toml-hazards.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The variable that names the configuration file. */
export const FILE_VARIABLE = `${ENV_PREFIX}CONFIG`;

const TEST_PREFIX = `${ENV_PREFIX}TEST_`;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;
/** As a file of variables has it whose reader does not take the quotes off. */
const QUOTED = /^\s*(["']).*\1\s*$/s;
const STANDS_IN_QUOTES = { wrong: "stands in quotes, which then are a part of it", right: "the value without quotes" };
const VALUE_KEY = "value";

/** What the environment says about the keys of the configuration. */
export interface Overrides {
  readonly values: readonly { readonly key: ConfigKey; readonly value: unknown }[];
  readonly problems: readonly Problem[];
  /** Variables that look like ours and are none. */
  readonly warnings: readonly string[];
}

/** Reads the overrides; an empty variable is as good as none. A value of a wrong type is left for the schema to refuse. */
export function readOverrides(env: Env): Overrides {
  const values: { key: ConfigKey; value: unknown }[] = [];
  const problems: Problem[] = [];
  for (const key of CONFIG_KEYS) {
    const text = env[key.variable];
    if (text === undefined || text === "") continue;
    if (QUOTED.test(text) && key.kind !== "toml") {
      problems.push({ where: key.variable, key: key.dotted, ...STANDS_IN_QUOTES });
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
      // Nothing that is listed begins with a bracket.
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
  throw new TomlSyntaxError("goes on after the value", 1, 1);
}

function unknownVariables(env: Env): string[] {
  const known = CONFIG_KEYS.map(({ variable }) => variable);
  return Object.keys(env)
    .filter((name) => name.toUpperCase().startsWith(ENV_PREFIX) && name !== FILE_VARIABLE)
    .filter((name) => !name.startsWith(TEST_PREFIX))
    .filter((name) => !known.includes(name))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      return `${name} is no key of the configuration and is ignored${meant === null ? "" : `; ${meant} is one`}`;
    });
}
