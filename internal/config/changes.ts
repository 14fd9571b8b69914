import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { CONFIG_KEYS } from "./keys.ts";
import { type Config, configSchema } from "./schema.ts";
import { isTable, type Table, valueIn } from "./toml.ts";

/** Returns the dotted keys whose values differ between two configurations, in the order of the schema. */
export function changedKeys(before: Config, after: Config): string[] {
  const [one, other] = [z.encode(configSchema, before) as Table, z.encode(configSchema, after) as Table];
  return CONFIG_KEYS.filter(({ path }) => !isDeepStrictEqual(valueIn(one, path), valueIn(other, path))).map(
    ({ dotted }) => dotted,
  );
}

/** Returns a configuration with another one's values for these dotted keys. */
export function withValuesOf(other: Config, keys: readonly string[], config: Config): Config {
  const paths = CONFIG_KEYS.filter(({ dotted }) => keys.includes(dotted)).map(({ path }) => path);
  return paths.reduce<Table>((table, path) => replaced(table, path, valueIn(other as Table, path)), config) as Config;
}

function replaced(table: Table, [name = "", ...rest]: readonly string[], value: unknown): Table {
  const inner = table[name];
  return { ...table, [name]: rest.length > 0 && isTable(inner) ? replaced(inner, rest, value) : value };
}
