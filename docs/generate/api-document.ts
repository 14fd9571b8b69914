import { createApi } from "../../internal/api/v1/api.ts";
import { openMemoryStore } from "../../internal/cache/memory/store.ts";
import { loadConfig } from "../../internal/config/load.ts";
import { apiContext } from "../../internal/daemon/api.ts";
import { NO_CIRCUIT_BREAKER } from "../../internal/lib/circuit-breaker.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { connect } from "../../internal/storage/connection/pool.ts";

/** The parts of an OpenAPI document that the pages use. */
export interface ApiDocument {
  readonly info: { readonly description: string };
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
}

export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, Answer>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

/** The OpenAPI document that the API serves under the default configuration, as text. */
export async function apiDocumentText(): Promise<string> {
  const { config } = loadConfig({ env: {} });
  // The pool connects at its first query, and none is sent here.
  const database: Database = {
    sql: connect(null, {}),
    engine: "postgres",
    breaker: NO_CIRCUIT_BREAKER,
    close: async () => {},
  };
  const store = openMemoryStore();
  try {
    const response = await createApi(apiContext(config, { database, store })).request("/v1/openapi.json");
    return await response.text();
  } finally {
    await store.close();
  }
}

/** Returns docs/reference/api/openapi.json: the document with line breaks. */
export async function openApiFile(): Promise<string> {
  return `${JSON.stringify(JSON.parse(await apiDocumentText()), null, 2)}\n`;
}

/** Returns the schema, or the one that its `$ref` names. */
export function resolved(schema: Schema, { components }: ApiDocument): Schema {
  if (schema.$ref === undefined) return schema;
  const named = components.schemas[schema.$ref.split("/").at(-1) ?? ""];
  if (named === undefined) throw new Error(`the OpenAPI document has no ${schema.$ref}`);
  return named;
}
