import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { BlankEnv } from "hono/types";
import { divergenceSchema } from "../cache/divergence.ts";
import { type Answer, answerResponse } from "./answer.ts";
import { PROBLEMS, type ProblemKind, problemType } from "./problem.ts";

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
  /** The error answers besides those that every endpoint has. */
  readonly problems: readonly ProblemKind[];
  /** @throws Problem */
  readonly answer: (query: z.output<Query>) => Promise<Answer>;
}

const ALWAYS: readonly ProblemKind[] = ["invalid-query", "internal-error", "unavailable"];

const flagsSchema = z
  .object({
    stale: z.boolean().openapi({ description: "older than it would be on a healthy system" }),
    triangulated: z.boolean().openapi({ description: "derived through other markets" }),
    divergence_warning: z
      .boolean()
      .openapi({ description: "far from the median of references outside; `divergence` tells of the check" }),
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
export function addEndpoint<Query extends z.ZodType>(app: ApiApp, endpoint: Endpoint<Query>): void {
  const { path, operationId, summary, description, query, data, isCompared = false, problems, answer } = endpoint;
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
            }),
          },
        },
      },
      304: { description: "What the caller's ETag names still holds" },
      ...problemResponses([...ALWAYS, ...problems]),
    },
  });
  app.openapi(route, (async (context: { req: { valid: (target: "query") => z.output<Query> } }) =>
    answerResponse(await answer(context.req.valid("query")))) as never);
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
