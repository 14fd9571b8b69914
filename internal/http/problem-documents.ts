import { z } from "@hono/zod-openapi";
import { type ProblemKind, problemType } from "./problem.ts";

const problemFields = {
  type: z.string().openapi({ description: "stable identifier of the kind of error" }),
  title: z.string().openapi({ description: "name of the kind of error" }),
  status: z.int().openapi({ description: "HTTP status" }),
  detail: z.string().openapi({ description: "what is wrong in this case" }),
};

const problemSchema = z
  .object({
    ...problemFields,
    errors: z
      .array(z.object({ parameter: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: "the invalid parameters" }),
  })
  .openapi("Problem");

const bodyProblemSchema = z
  .object({
    ...problemFields,
    errors: z
      .array(
        z.object({
          parameter: z.string().optional(),
          pointer: z.string().optional().openapi({ description: "JSON Pointer (RFC 6901) to a field of the body" }),
          detail: z.string(),
        }),
      )
      .optional()
      .openapi({ description: "the invalid parameters, or the invalid fields of the body" }),
  })
  .openapi("BodyProblem");

/**
 * Returns the error answers of a route for the OpenAPI document, by status.
 * @param hasBody whether the route takes a body, whose fields errors may name
 */
export function problemResponses(kinds: readonly ProblemKind[], hasBody: boolean) {
  const schema = hasBody ? bodyProblemSchema : problemSchema;
  const byStatus = groupByStatus(kinds);
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      status,
      {
        description: sameStatus.map((kind) => `\`${problemType(kind)}\`: ${kind.title}`).join("\n\n"),
        content: { "application/problem+json": { schema, examples: examplesOf(sameStatus) } },
      },
    ]),
  );
}

function groupByStatus(kinds: readonly ProblemKind[]): ReadonlyMap<number, readonly ProblemKind[]> {
  const byStatus = new Map<number, ProblemKind[]>();
  for (const kind of kinds) byStatus.set(kind.status, [...(byStatus.get(kind.status) ?? []), kind]);
  return byStatus;
}

/** Returns an example of each kind of problem, by its name. */
function examplesOf(kinds: readonly ProblemKind[]): Record<string, { summary: string; value: object }> {
  return Object.fromEntries(
    kinds.map((kind) => {
      const { name, status, title, example, exampleErrors: errors } = kind;
      const value = { type: problemType(kind), title, status, detail: example, ...(errors && { errors }) };
      return [name, { summary: title, value }];
    }),
  );
}
