import { CONFIG_KEYS, type ConfigKey, ENV_PREFIX, expectedAt } from "./keys.ts";
import type { Problem } from "./problems.ts";
import { nearest } from "./suggest.ts";
import { parseToml, TomlSyntaxError } from "./toml.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The variable that names the configuration file. */
export const FILE_VARIABLE = `${ENV_PREFIX}CONFIG`;

const TEST_PREFIX = `${ENV_PREFIX}TEST_`;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;
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
    try {
      values.push({ key, value: readValue(text, key) });
    } catch (error) {
      if (!(error instanceof TomlSyntaxError)) throw error;
      const wrong = `line ${error.line}, column ${error.column}: ${error.message}`;
      problems.push({ where: key.variable, key: key.dotted, wrong, right: `a TOML value: ${expectedAt(key.path)}` });
    }
  }
  return { values, problems, warnings: unknownVariables(env) };
}

function readValue(text: string, { kind }: ConfigKey): unknown {
  switch (kind) {
    case "text":
      return text;
    case "number":
      return NUMBER.test(text.trim()) ? Number(text) : text;
    case "boolean":
      return { true: true, false: false }[text.trim()] ?? text;
    case "texts":
      return text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
    case "toml":
      return readTomlValue(text);
  }
}

function readTomlValue(text: string): unknown {
  const before = `${VALUE_KEY} = `;
  try {
    const { [VALUE_KEY]: value, ...others } = parseToml(before + text);
    if (Object.keys(others).length === 0) return value;
  } catch (error) {
    if (!(error instanceof TomlSyntaxError) || error.line > 1) throw error;
    throw new TomlSyntaxError(error.message, 1, Math.max(1, error.column - before.length));
  }
  throw new TomlSyntaxError("goes on after the value", 1, 1);
}

function unknownVariables(env: Env): string[] {
  const known = CONFIG_KEYS.map(({ variable }) => variable);
  return Object.keys(env)
    .filter((name) => name.startsWith(ENV_PREFIX) && name !== FILE_VARIABLE && !name.startsWith(TEST_PREFIX))
    .filter((name) => !known.includes(name))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      return `${name} is no key of the configuration and is ignored${meant === null ? "" : `; ${meant} is one`}`;
    });
}
