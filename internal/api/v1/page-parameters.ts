import { z } from "@hono/zod-openapi";
import { InputError } from "../../canonical/input-error.ts";
import { PARAMETER_ERRORS, parsedBy } from "../query.ts";

const DEFAULT_LIMIT = 500;
const MOST = 1_000;

/** How much a page holds at most. */
export const limitParameter = z
  .string(PARAMETER_ERRORS)
  .transform(parsedBy(readLimit))
  .optional()
  .transform((limit) => limit ?? DEFAULT_LIMIT)
  .openapi({
    type: "integer",
    minimum: 1,
    maximum: MOST,
    default: DEFAULT_LIMIT,
    description: "How many a page holds at most; it may hold fewer without being the last.",
  });

/** The `next` of the page before. */
export function cursorParameter<Place>(parse: (text: string) => Place) {
  return z
    .string(PARAMETER_ERRORS)
    .transform(parsedBy(parse))
    .openapi({ type: "string", description: "The `next` of the page before." });
}

export const nextSchema = z
  .string()
  .nullable()
  .openapi({ description: "to be given as `cursor` for the next page; null on the last" });

function readLimit(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MOST) throw new InputError(`is not a whole number from 1 to ${MOST}`);
  return limit;
}
