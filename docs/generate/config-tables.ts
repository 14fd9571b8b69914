import { z } from "zod";
import { CONFIG_DOCS } from "../../internal/config/docs/docs.ts";
import { CONFIG_EXAMPLES } from "../../internal/config/docs/examples.ts";
import { CONFIG_KEYS, CONFIG_ROOT, type ConfigKey, type SchemaNode } from "../../internal/config/keys.ts";
import { configSchema } from "../../internal/config/schema.ts";
import { isTable, type Table, valueIn } from "../../internal/config/toml.ts";
import { type Block, blocksOf, dedent } from "./text.ts";

/** A key with all that is known of it. */
export interface KeyReference {
  readonly key: ConfigKey;
  readonly node: SchemaNode;
  /** The default as it is written. */
  readonly usual: unknown;
  readonly prose: readonly Block[];
  readonly example: string | null;
}

/** A table of the configuration: what stands under one header. */
export interface TableReference {
  /** The dotted name; empty for what has no header. */
  readonly name: string;
  readonly prose: readonly Block[];
  readonly keys: readonly KeyReference[];
}

// Written out: what is merged over a default is in it as well.
const IN_EFFECT = z.encode(configSchema, configSchema.parse({})) as Table;

/** The tables in the order of the schema, those within a table after it; last the keys that have no table. */
export function configTables(): TableReference[] {
  return [...tablesBelow(CONFIG_ROOT, []), tableOf(CONFIG_ROOT, [])];
}

function tablesBelow({ properties = {} }: SchemaNode, path: readonly string[]): TableReference[] {
  return Object.entries(properties).flatMap(([name, node]) => {
    if (node.properties === undefined) return [];
    const at = [...path, name];
    return [tableOf(node, at), ...tablesBelow(node, at)];
  });
}

function tableOf({ properties = {} }: SchemaNode, path: readonly string[]): TableReference {
  const name = path.join(".");
  const keys = Object.entries(properties).flatMap(([own, node]) => referenceOf([...path, own], node) ?? []);
  const prose = CONFIG_DOCS[name];
  return { name, prose: prose === undefined ? [] : blocksOf(prose), keys };
}

function referenceOf(path: readonly string[], node: SchemaNode): KeyReference | null {
  const dotted = path.join(".");
  const key = CONFIG_KEYS.find((candidate) => candidate.dotted === dotted);
  if (key === undefined) return null;
  const prose = CONFIG_DOCS[dotted];
  if (prose === undefined) throw new Error(`${dotted} has no text in internal/config/docs`);
  const example = CONFIG_EXAMPLES[dotted];
  return {
    key,
    node,
    usual: isTable(node.default) ? valueIn(IN_EFFECT, path) : node.default,
    prose: blocksOf(prose),
    example: example === undefined ? null : dedent(example),
  };
}

/** Whether a key's value is a table of its own, or a list of them. */
export function isTableKey({ key }: KeyReference): boolean {
  return key.kind === "toml";
}

/** Whether a key's value is a list of tables, `[[…]]`. */
export function isTableListKey({ node }: KeyReference): boolean {
  return node.type === "array" && node.items?.properties !== undefined;
}
