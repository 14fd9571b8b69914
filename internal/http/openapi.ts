import { createRoute, z } from "@hono/zod-openapi";
import { type Content, contentOf } from "./content.ts";
import { contentResponse } from "./content-response.ts";
import type { ApiApp } from "./route.ts";
import { KEY_SCHEME } from "./route-document.ts";
import { addHandler, type Serving } from "./serving.ts";

/** Whether API keys are configured, and whether requests for most routes need one. */
export type KeyUse = "none" | "accepted" | "required";

/** What distinguishes an OpenAPI document from others. */
export interface OpenApiDocument {
  readonly path: string;
  /** The tag of the document's own route. */
  readonly tag: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  /** The groups of routes, in the order in which the page shows them. */
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly keys: KeyUse;
}

const KEY = {
  type: "http",
  scheme: "bearer",
  description: "An API key, issued by the operator.",
} as const;

/** The security requirements of routes that do not state their own. */
const SECURITY: Readonly<Record<KeyUse, { security?: Record<string, string[]>[] }>> = {
  none: {},
  accepted: { security: [{}, { [KEY_SCHEME]: [] }] },
  required: { security: [{ [KEY_SCHEME]: [] }] },
};

/** Serves the OpenAPI document of all routes of the app. */
export function addOpenApi(
  app: ApiApp,
  serving: Serving<"read">,
  { path, tag, info, tags, keys }: OpenApiDocument,
): void {
  if (keys !== "none") app.openAPIRegistry.registerComponent("securitySchemes", KEY_SCHEME, KEY);
  app.openAPIRegistry.registerPath(
    createRoute({
      method: "get",
      path,
      tags: [tag],
      operationId: "getOpenApi",
      summary: "This OpenAPI document",
      security: [],
      responses: {
        200: {
          description: "The OpenAPI 3.1 document",
          content: { "application/json": { schema: z.record(z.string(), z.unknown()) } },
        },
      },
    }),
  );
  const document = { openapi: "3.1.0", info, tags: [...tags], ...SECURITY[keys] };
  let content: Content | undefined;
  addHandler(app, serving, { method: "get", path, admission: "read" }, (c) => {
    content ??= contentOf(JSON.stringify(app.getOpenAPI31Document(document)));
    return contentResponse(c, content, "application/json", "public, max-age=3600");
  });
}
