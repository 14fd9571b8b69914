import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { BlankEnv } from "hono/types";
import { divergenceSchema } from "../cache/divergence.ts";
import { after, type Soon } from "./after.ts";
import type { Answer } from "./answer.ts";
import { type Content, contentResponse } from "./content.ts";
import { keyNeeded } from "./front/keys.ts";
import { PROBLEMS, type ProblemKind, problemType } from "./problem.ts";
import { invalidQuery } from "./query.ts";
import { makeAsked, readyContent } from "./ready.ts";
import { addRoute, clientOf, keyOf, type Serving } from "./route.ts";
import { shownConfidenceSchema } from "./shown-confidence.ts";

/** The app that endpoints are added to. */
export type ApiApp = OpenAPIHono<BlankEnv>;

/** A question that the API answers: what is asked, what is answered, and how it is documented. */
export interface Endpoint<Query extends z.ZodType> {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly query: Query;
  /** What `data` is, for the documentation. */
  readonly data: z.ZodType;
  /** Whether prices are answered that are held against references. */
  readonly isCompared?: boolean;
  /** Whether published values are answered, with how far they can be relied on. */
  readonly isRated?: boolean;
  /** The error answers besides those that every endpoint has. */
  readonly problems: readonly ProblemKind[];
  /**
   * At once where the answer is at hand.
   * @param clientOf names who asks
   * @throws Problem
   */
  readonly answer: (query: z.output<Query>, clientOf: () => string) => Soon<Answer>;
}

const ALWAYS: readonly ProblemKind[] = [
  "malformed-request",
  "invalid-query",
  "unauthorized",
  "query-too-long",
  "rate-limited",
  "internal-error",
  "unavailable",
  "overloaded",
  "timeout",
];

const flagsSchema = z
  .object({
    stale: z.boolean().openapi({ description: "older than it would be on a healthy system" }),
    triangulated: z.boolean().openapi({ description: "derived through other markets" }),
    divergence_warning: z
      .boolean()
      .openapi({ description: "far from the median of references outside; `divergence` tells of the check" }),
    frozen: z
      .literal(true)
      .optional()
      .openapi({ description: "present where an earlier value stands for one that the guard withholds" }),
  })
  .openapi("Flags");

const problemSchema = z
  .object({
    type: z.string().openapi({ example: problemType("price-not-found") }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z.array(z.object({ parameter: z.string(), detail: z.string() })).optional(),
  })
  .openapi("Problem");

/** Serves and documents an endpoint; one schema does both. */
export function addEndpoint<Query extends z.ZodType>(app: ApiApp, serving: Serving, endpoint: Endpoint<Query>): void {
  const {
    path,
    operationId,
    summary,
    description,
    query,
    data,
    isCompared = false,
    isRated = false,
    problems,
    answer,
  } = endpoint;
  const route = createRoute({
    method: "get",
    path,
    operationId,
    summary,
    description,
    request: { query: query as never },
    responses: {
      200: {
        description: "The answer",
        content: {
          "application/json": {
            schema: z.object({
              data,
              flags: flagsSchema,
              ...(isCompared ? { divergence: divergenceSchema.optional() } : {}),
              ...(isRated ? { confidence: shownConfidenceSchema.optional() } : {}),
            }),
          },
        },
      },
      304: { description: "What the caller's ETag names still holds" },
      ...problemResponses([...ALWAYS, ...problems]),
    },
  });
  app.openAPIRegistry.registerPath(route);

  const ask = makeAsked<z.output<Query>>();
  addRoute(app, path, serving, (c) => {
    if (serving.requireKey && keyOf(c) === null) throw keyNeeded();
    const asked = ask(queryText(c.req.url), () => parseQuery(query, c));
    const { last } = asked;
    const age = last?.answer.again?.() ?? null;
    if (last !== null && age !== null) return answerResponse(c, serving, last.content, age);
    const answered = answer(asked.query, () => clientOf(c));
    return after(answered, (given) => answerResponse(c, serving, readyContent(asked, given), given.maxAgeSeconds));
  });
}

function answerResponse(c: Context, { requireKey }: Serving, content: Content, maxAgeSeconds: number): Soon<Response> {
  // A cache that several share would answer those without a key, too.
  const cacheControl = `${requireKey ? "private" : "public"}, max-age=${maxAgeSeconds}`;
  return contentResponse(c, content, "application/json", cacheControl);
}

/** All of a URL behind its path. */
function queryText(url: string): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}

/** @throws Problem that names everything wrong with the query */
function parseQuery<Query extends z.ZodType>(schema: Query, c: Context): z.output<Query> {
  const given = Object.entries(c.req.queries()).map(([name, values]) => [
    name,
    values.length === 1 ? values[0] : values,
  ]);
  const result = schema.safeParse(Object.fromEntries(given));
  if (!result.success) throw invalidQuery(result.error);
  return result.data;
}

function problemResponses(kinds: readonly ProblemKind[]) {
  const byStatus = new Map<number, ProblemKind[]>();
  for (const kind of kinds) {
    const { status } = PROBLEMS[kind];
    byStatus.set(status, [...(byStatus.get(status) ?? []), kind]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      status,
      {
        description: sameStatus.map((kind) => `\`${problemType(kind)}\`: ${PROBLEMS[kind].title}`).join("\n\n"),
        content: { "application/problem+json": { schema: problemSchema } },
      },
    ]),
  );
}
