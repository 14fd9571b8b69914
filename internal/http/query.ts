import type { z } from "@hono/zod-openapi";
import { InputError } from "../canonical/input-error.ts";
import { type ParameterError, PROBLEMS, Problem } from "./problem.ts";

/** Messages for a missing or repeated parameter, which no parser sees. */
export const PARAMETER_ERRORS = {
  error: ({ input }: { input?: unknown }) => (Array.isArray(input) ? "is given more than once" : "is missing"),
};

/** Turns a parser into a schema step; an InputError that it throws becomes the error of the parameter at `path`. */
export function parsedBy<In, Out>(parse: (input: In) => Out, path: string[] = []) {
  return (input: In, context: z.core.$RefinementCtx): Out => {
    try {
      return parse(input);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      context.addIssue({ code: "custom", path: [...path], message: error.message });
      return undefined as never;
    }
  };
}

/**
 * Turns a check of several parameters into a schema step; an InputError that it throws becomes the error of
 * `parameter`.
 */
export function checkedBy<Query>(parameter: string, check: (query: Query) => unknown) {
  const run = parsedBy(check, [parameter]);
  return (query: Query, context: z.core.$RefinementCtx): void => void run(query, context);
}

/**
 * Returns the problem that lists every error of a query, or of path parameters.
 * @param given what was parsed; a schema that converts a parameter does not see that it was given more than once
 */
export function invalidQuery({ issues }: z.ZodError, given: unknown = {}): Problem {
  const isRepeated = ({ code, path: [name, ...rest] }: z.core.$ZodIssue): boolean =>
    code === "invalid_type" && rest.length === 0 && Array.isArray((given as Record<PropertyKey, unknown>)[name ?? ""]);
  const errors = issues.flatMap((issue): ParameterError[] =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ parameter: key, detail: "is not a parameter of this endpoint" }))
      : [{ parameter: issue.path.join("."), detail: isRepeated(issue) ? "is given more than once" : issue.message }],
  );
  return new Problem(
    PROBLEMS["invalid-query"],
    errors.map(({ parameter, detail }) => `${parameter}: ${detail}`).join("; "),
    {
      errors,
    },
  );
}
