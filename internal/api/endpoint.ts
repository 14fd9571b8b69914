import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { divergenceSchema } from "../cache/divergence.ts";
import { addRoute } from "../http/add-route.ts";
import type { Content } from "../http/content.ts";
import { contentResponse } from "../http/content-response.ts";
import type { ApiApp } from "../http/route.ts";
import { clientOf, type Serving } from "../http/serving.ts";
import { andThen, type MaybePromise } from "../lib/maybe-promise.ts";
import type { Answer, Flags } from "./answer.ts";
import { makeAnswerCache } from "./answer-cache.ts";
import { EXAMPLES, PRICE_PROBLEMS, type PriceProblem } from "./problems.ts";
import { shownConfidenceSchema } from "./shown-confidence.ts";
import type { Tag } from "./tags.ts";

/** The scope that requests for prices need. */
export const PRICES_READ = "prices:read";

/** An endpoint: its query, its answers and its documentation. */
export interface Endpoint<Query extends z.ZodType<object>> {
  readonly path: string;
  readonly tag: Tag;
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly query: Query;
  /** The schema of `data`, for the documentation. */
  readonly data: z.ZodType;
  /** A complete answer, for the documentation. */
  readonly example: AnswerExample;
  /** Whether answers have `divergence`: the comparison with references. */
  readonly isCompared?: boolean;
  /** Whether answers have `confidence`. */
  readonly isRated?: boolean;
  /** The error answers of this endpoint in addition to those of all endpoints. */
  readonly problems: readonly PriceProblem[];
  /**
   * Answers a query, synchronously where the answer is cached.
   * @param clientOf returns the client of the request
   * @throws Problem
   */
  readonly answer: (query: z.output<Query>, clientOf: () => string) => MaybePromise<Answer>;
}

/** A complete answer, as an example in the OpenAPI document. */
export interface AnswerExample {
  readonly data: unknown;
  readonly flags: Flags;
  readonly divergence?: unknown;
  readonly confidence?: unknown;
}

const flagsSchema = z
  .object({
    stale: z.boolean().openapi({ description: "the value is older than it would be on a healthy system" }),
    triangulated: z.boolean().openapi({ description: "the price was computed through other markets" }),
    divergence_warning: z
      .boolean()
      .openapi({ description: "the price is too far from the median of the references; see `divergence`" }),
    frozen: z
      .literal(true)
      .optional()
      .openapi({ description: "present where an earlier value is answered, as the guard withholds the current one" }),
    incomplete: z.literal(true).optional().openapi({
      description:
        "present where a source that counts may lack trades of the value's interval, or of that of the page of candles; see /v1/coverage",
    }),
  })
  .openapi("Flags");

/** Serves and documents an endpoint, from one schema. */
export function addEndpoint<Query extends z.ZodType<object>>(
  app: ApiApp,
  serving: Serving<"read">,
  { query, data, example, isCompared = false, isRated = false, problems, answer, ...described }: Endpoint<Query>,
): void {
  const schema = z.object({
    data,
    flags: flagsSchema,
    ...(isCompared ? { divergence: divergenceSchema.optional() } : {}),
    ...(isRated ? { confidence: shownConfidenceSchema.optional() } : {}),
  });
  // A shared cache would also answer requests without a key.
  const visibility = serving.anonymous.scopes.includes(PRICES_READ) ? "public" : "private";
  const answerWith = (c: Context, content: Content, maxAgeSeconds: number): MaybePromise<Response> =>
    contentResponse(c, content, "application/json", `${visibility}, max-age=${maxAgeSeconds}`);
  const route = {
    ...described,
    method: "get",
    scope: PRICES_READ,
    admission: "read",
    query,
    answers: { 200: { description: "The answer", schema, example }, 304: { description: "Not modified" } },
    problems: [...EXAMPLES, ...problems.map((name) => PRICE_PROBLEMS[name])],
  } as const;
  const cache = makeAnswerCache();
  addRoute(app, serving, route, ({ query }, c) => {
    const last = cache.last(query);
    const maxAge = last?.answer.revalidate?.() ?? null;
    if (last !== null && maxAge !== null) return answerWith(c, last.content, maxAge);
    const answered = answer(query, () => clientOf(c));
    return andThen(answered, (given) => answerWith(c, cache.contentOf(query, given), given.maxAgeSeconds));
  });
}
