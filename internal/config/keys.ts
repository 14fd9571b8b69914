import { z } from "zod";
import { configSchema } from "./schema.ts";
import type { Secret } from "./secrets.ts";

/** How a key's value is written. */
export type KeyKind = "text" | "number" | "boolean" | "texts" | "toml";

/** A configuration key with a value. */
export interface ConfigKey {
  readonly path: readonly string[];
  /** `aggregate.interval_seconds` */
  readonly dotted: string;
  /** The environment variable that overrides it. */
  readonly variable: string;
  readonly kind: KeyKind;
  readonly secret: Secret | null;
}

export const ENV_PREFIX = "STELLARINDEX_";

/** A part of the configuration's JSON Schema. */
export interface SchemaNode {
  readonly type?: string;
  /** The allowed values. */
  readonly description?: string;
  readonly default?: unknown;
  /** From the field's `meta`. */
  readonly secret?: Secret;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
}

/** The whole configuration: a table of tables, in the order of the schema. */
export const CONFIG_ROOT = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as SchemaNode;

/** Every key, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = keysBelow(CONFIG_ROOT, []);

function keysBelow(node: SchemaNode, path: readonly string[]): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const childPath = [...path, name];
    if (child.properties !== undefined) return keysBelow(child, childPath);
    const variable = ENV_PREFIX + childPath.join("_").toUpperCase();
    const { secret = null } = child;
    return [{ path: childPath, dotted: childPath.join("."), variable, kind: kindOf(child), secret }];
  });
}

function kindOf({ type, items }: SchemaNode): KeyKind {
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "boolean";
  if (type === "array") return items?.type === "string" ? "texts" : "toml";
  return type === "object" ? "toml" : "text";
}

/** Whether a value at `path` may contain a secret: at, above or below a secret field. */
export function mayHoldSecret(path: readonly PropertyKey[]): boolean {
  const nodes = nodesTo(path);
  const last = nodes.at(-1);
  return nodes.some((node) => node.secret !== undefined) || (nodes.length > path.length && !!last && holdsSecret(last));
}

function holdsSecret({ secret, properties = {}, items, additionalProperties }: SchemaNode): boolean {
  const other = typeof additionalProperties === "object" ? [additionalProperties] : [];
  return secret !== undefined || [...Object.values(properties), ...(items ? [items] : []), ...other].some(holdsSecret);
}

/** Returns which part of the texts at `path`, given without the indexes of lists, is secret; null for none. */
export function secretAt(path: readonly string[]): Secret | null {
  const nodes = nodesTo(path);
  if (nodes.length <= path.length) return null;
  return nodes.flatMap(({ secret, items }) => secret ?? items?.secret ?? []).at(-1) ?? null;
}

/** Returns the allowed values at `path`: the description of the nearest key at or above it. */
export function expectedAt(path: readonly PropertyKey[]): string {
  const descriptions = nodesTo(path).flatMap(({ description }) => description ?? []);
  return descriptions.at(-1) ?? "a table";
}

/** Returns the names of the keys that the table at `path` may have. */
export function namesAt(path: readonly PropertyKey[]): string[] {
  const nodes = nodesTo(path);
  return nodes.length > path.length ? Object.keys(nodes.at(-1)?.properties ?? {}) : [];
}

/** Returns the parts of the schema on the way to `path`, as far as there are; a name also leads into the entries of a list. */
function nodesTo(path: readonly PropertyKey[]): SchemaNode[] {
  const nodes = [CONFIG_ROOT];
  for (const part of path) {
    const { items, ...own } = nodes.at(-1) ?? {};
    const { properties, additionalProperties } = items ?? own;
    const other = typeof additionalProperties === "object" ? additionalProperties : undefined;
    const next = typeof part === "number" ? items : (properties?.[String(part)] ?? other);
    if (next === undefined) break;
    nodes.push(next);
  }
  return nodes;
}
