import { createRoute, z } from "@hono/zod-openapi";
import { type Content, contentOf, contentResponse } from "../content.ts";
import type { ApiSettings } from "../context.ts";
import type { ApiApp } from "../endpoint.ts";
import { addRoute, type Serving } from "../route.ts";

const ROUTE = createRoute({
  method: "get",
  path: "/v1/openapi.json",
  operationId: "getOpenApi",
  summary: "This description",
  security: [],
  responses: {
    200: {
      description: "An OpenAPI 3.1 document",
      content: { "application/json": { schema: z.record(z.string(), z.unknown()) } },
    },
  },
});

const DOCUMENT = {
  openapi: "3.1.0",
  info: {
    title: "Stellar Index API",
    version: "1",
    description:
      "Prices of Stellar assets and the markets around them. Only closed buckets are shown: what is answered for a bucket is complete. Decimals are strings in plain notation; times are RFC 3339 in UTC; durations are written `90s`, `5m`, `1h30m`. Errors are `application/problem+json` (RFC 9457) with a stable `type`.",
  },
};

const KEY_SCHEME = {
  type: "http",
  scheme: "bearer",
  description: "An API key, as the operator gives them out.",
} as const;

/** Whether endpoints can be asked without a key, and with one. */
const SECURITY: Readonly<Record<ApiSettings["keys"], { security?: Record<string, string[]>[] }>> = {
  none: {},
  accepted: { security: [{}, { key: [] }] },
  required: { security: [{ key: [] }] },
};

/** Serves `/v1/openapi.json`, the description of all endpoints added so far. */
export function addOpenApi(app: ApiApp, serving: Serving, keys: ApiSettings["keys"]): void {
  if (keys !== "none") app.openAPIRegistry.registerComponent("securitySchemes", "key", KEY_SCHEME);
  app.openAPIRegistry.registerPath(ROUTE);
  let content: Content | undefined;
  addRoute(app, ROUTE.path, serving, (c) => {
    content ??= contentOf(JSON.stringify(app.getOpenAPI31Document({ ...DOCUMENT, ...SECURITY[keys] })));
    return contentResponse(c, content, "application/json", "public, max-age=3600");
  });
}
