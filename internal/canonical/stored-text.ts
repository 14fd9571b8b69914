import { z } from "zod";
import { formatPair, parsePair } from "./pair.ts";
import { formatTime, parseTime } from "./time.ts";

/** A stored value is invalid. The message names each invalid field. */
export class PoisonedValueError extends Error {
  override readonly name = "PoisonedValueError";
}

const LONGEST_DECIMAL = 400;
const PLAIN_DECIMAL = /^(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;
const WHOLE_SECOND = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** A decimal in plain notation. */
export const decimalText = z
  .string()
  .max(LONGEST_DECIMAL)
  .regex(PLAIN_DECIMAL, "is not a decimal in plain notation, such as 0.5");
// An invalid time aborts the check, so that checks of several fields only see valid times.
export const timeText = z
  .string()
  .refine(isWholeSecond, { message: "is not a time of whole seconds, such as 2026-08-09T22:30:00Z", abort: true });
export const pairText = z.string().refine(isCanonicalPair, "is not a canonical pair, such as crypto:XLM/fiat:USD");

/** Parses stored JSON with a schema; `what` names the kind of value in errors. @throws PoisonedValueError */
export function parseWith<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new PoisonedValueError("the stored value is not JSON");
  }
  const result = schema.safeParse(parsed);
  if (result.success) return result.data;
  const wrong = result.error.issues.map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`);
  throw new PoisonedValueError(`the stored value is not ${what}: ${wrong.join("; ")}`);
}

function isWholeSecond(text: string): boolean {
  if (!WHOLE_SECOND.test(text)) return false;
  try {
    return formatTime(parseTime(text)) === text;
  } catch {
    return false;
  }
}

function isCanonicalPair(text: string): boolean {
  try {
    return formatPair(parsePair(text)) === text;
  } catch {
    return false;
  }
}
