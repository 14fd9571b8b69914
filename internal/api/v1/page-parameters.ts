import { z } from "@hono/zod-openapi";
import { InputError } from "../../canonical/input-error.ts";
import { PARAMETER_ERRORS, parsedBy } from "../../http/query.ts";

const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 1_000;

/** `limit=`: the most entries of a page. */
export const limitParameter = z
  .string(PARAMETER_ERRORS)
  .transform(parsedBy(readLimit))
  .optional()
  .transform((limit) => limit ?? DEFAULT_LIMIT)
  .openapi({
    type: "integer",
    minimum: 1,
    maximum: MAX_LIMIT,
    default: DEFAULT_LIMIT,
    description: "The most entries of a page; a page may have fewer without being the last.",
  });

/** `cursor=`: the `next` of the previous page. */
export function cursorParameter<Place>(parse: (text: string) => Place) {
  return z
    .string(PARAMETER_ERRORS)
    .transform(parsedBy(parse))
    .openapi({ type: "string", description: "The `next` of the previous page." });
}

export const nextSchema = z
  .string()
  .nullable()
  .openapi({ description: "the `cursor` of the next page; null on the last page" });

function readLimit(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw new InputError(`is not a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}
