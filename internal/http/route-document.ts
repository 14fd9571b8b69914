import { createRoute, type z } from "@hono/zod-openapi";
import type { AdmissionClass } from "./admission.ts";
import type { RequestBody } from "./body.ts";
import { PROBLEMS, type ProblemKind } from "./problem.ts";
import { problemResponses } from "./problem-documents.ts";
import type { Route, RouteAnswer } from "./route.ts";
import type { Serving } from "./serving.ts";

/** The name of the API key among the security schemes of the OpenAPI document. */
export const KEY_SCHEME = "key";

/** Returns a route as the OpenAPI document has it. */
export function routeDocument(
  route: Route<AdmissionClass, z.ZodType, z.ZodType, RequestBody | undefined>,
  { anonymous }: Pick<Serving, "anonymous">,
) {
  const { method, path, tag, operationId, summary, description, scope, params, query, body, answers } = route;
  return createRoute({
    method,
    path,
    tags: [tag],
    operationId,
    summary,
    description,
    ...securityOf(scope, anonymous.scopes),
    request: {
      ...(params && { params: params as never }),
      ...(query && { query: query as never }),
      ...(body && { body: { required: true, content: bodyContent(body) } }),
    },
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, documented(answer)])),
      ...problemResponses(withExamples(problemsOfAll(scope, body), route.problems), body !== undefined),
    },
  });
}

/** The document as a whole says what applies to routes that requests without a key may use. */
function securityOf(scope: string | null, anonymous: readonly string[]) {
  if (scope === null) return { security: [] };
  return anonymous.includes(scope) ? {} : { security: [{ [KEY_SCHEME]: [scope] }] };
}

function bodyContent(body: RequestBody): Record<string, { schema: z.ZodType }> {
  if ("schema" in body) return { "application/json": { schema: body.schema } };
  return Object.fromEntries(Object.entries(body.content).map(([type, schema]) => [type, { schema }]));
}

function documented({ description, schema, contentType = "application/json", example }: RouteAnswer) {
  if (schema === undefined) return { description };
  return { description, content: { [contentType]: { ...(example !== undefined && { example }), schema } } };
}

/** Returns both lists; a kind of the second replaces that of the same name in the first, for the sake of its example. */
function withExamples(ofAll: readonly ProblemKind[], own: readonly ProblemKind[]): ProblemKind[] {
  const byName = new Map([...ofAll, ...own].map((kind) => [kind.name, kind]));
  return [...byName.values()];
}

function problemsOfAll(scope: string | null, body: RequestBody | undefined): ProblemKind[] {
  return [
    PROBLEMS["malformed-request"],
    PROBLEMS["invalid-query"],
    ...(body === undefined ? [] : [PROBLEMS["malformed-body"]]),
    ...(body !== undefined && "schema" in body ? [PROBLEMS["invalid-body"]] : []),
    PROBLEMS.unauthorized,
    ...(scope === null ? [] : [lackOf(scope)]),
    ...(body === undefined ? [] : [PROBLEMS["body-too-large"]]),
    PROBLEMS["query-too-long"],
    ...(body === undefined ? [] : [PROBLEMS["unsupported-media-type"]]),
    PROBLEMS["rate-limited"],
    PROBLEMS["internal-error"],
    PROBLEMS.unavailable,
    PROBLEMS.overloaded,
    PROBLEMS.timeout,
  ];
}

function lackOf(scope: string): ProblemKind {
  return { ...PROBLEMS["insufficient-scope"], example: `the API key "wallet-app" lacks the scope ${scope}` };
}
