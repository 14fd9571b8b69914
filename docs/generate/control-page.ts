import { loadConfig } from "../../internal/config/load.ts";
import { createControlApp } from "../../internal/control/v1/app.ts";
import { controlContext } from "../../internal/daemon/control.ts";
import { NO_CIRCUIT_BREAKER } from "../../internal/lib/circuit-breaker.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { connect } from "../../internal/storage/connection/pool.ts";
import { code, generatedFrom, page, paragraph, plain, table } from "./markdown.ts";

interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

interface ControlDocument {
  readonly info: { readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** The OpenAPI document that the control daemon serves. */
async function controlDocument(): Promise<ControlDocument> {
  // The pool connects at its first query, and none is sent here.
  const database: Database = {
    sql: connect(null, {}),
    engine: "postgres",
    breaker: NO_CIRCUIT_BREAKER,
    close: async () => {},
  };
  const app = createControlApp(controlContext(loadConfig({ env: {} }).config, database));
  return (await (await app.request("/control/v1/openapi.json")).json()) as ControlDocument;
}

/** Returns docs/reference/control: a table of the routes for each tag of the OpenAPI document. */
export async function controlPage(): Promise<string> {
  const { info, tags, paths } = await controlDocument();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
  return page(
    generatedFrom("the OpenAPI document"),
    "# Control API",
    paragraph(info.description),
    paragraph(
      "The daemon serves the whole description, with schemas and errors, as an OpenAPI 3.1 document at " +
        "`/control/v1/openapi.json`. [The control plane](../../control.md) explains the concepts, and " +
        "[the protocol of workers](../../worker-protocol.md) the routes of workers.",
    ),
    ...tags.flatMap(({ name, description }) => [
      `## ${name}`,
      paragraph(description),
      table(
        ["route", "scope", "does"],
        operations
          .filter((operation) => operation.tags.includes(name))
          .map(({ method, path, summary, security = [] }) => [
            code(`${method.toUpperCase()} ${path}`),
            security.flatMap((scheme) => Object.values(scheme).flat().map(code)).join(", ") || "none",
            plain(summary),
          ]),
      ),
    ]),
  );
}
