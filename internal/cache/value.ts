import { z } from "zod";
import { formatPair, parsePair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { formatTime, parseTime, seconds } from "../canonical/time.ts";

/** A stored value is not one that an aggregator writes. The message names what is wrong with it. */
export class PoisonedValueError extends Error {
  override readonly name = "PoisonedValueError";
}

const LONGEST_DECIMAL = 400;
const PLAIN_DECIMAL = /^(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;
const WHOLE_SECOND = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** A figure in plain notation. */
export const decimalText = z
  .string()
  .max(LONGEST_DECIMAL)
  .regex(PLAIN_DECIMAL, "is not a decimal in plain notation, such as 0.5");
const price = decimalText.refine((text) => text !== "0", "is zero");
const share = z.string().regex(/^(?:1|0(?:\.\d{0,5}[1-9])?)$/, "is not a share from 0 to 1 with at most 6 decimals");
const count = z.int().nonnegative();
// What is no time ends the check there: spansItsWindow only ever sees times.
export const timeText = z
  .string()
  .refine(isWholeSecond, { message: "is not a time of whole seconds, such as 2026-08-09T22:30:00Z", abort: true });
export const pairText = z.string().refine(isCanonicalPair, "is not a canonical pair, such as crypto:XLM/fiat:USD");

const legKeys = { pair: pairText, price, inverted: z.boolean() };
const leg = z.discriminatedUnion("method", [
  z.object({ ...legKeys, method: z.literal("vwap"), usd_volume: decimalText.nullable(), trade_count: count }),
  z.object({ ...legKeys, method: z.literal("fx"), source: z.string().min(1), as_of: z.string() }),
]);

// Keys that a later version adds are dropped, so that a reader of this version goes on serving.
const published = z
  .object({
    pair: pairText,
    window_seconds: z.int().positive(),
    from: timeText,
    to: timeText,
    price,
    base_volume: decimalText,
    quote_volume: decimalText,
    usd_volume: decimalText.nullable(),
    trade_count: count,
    sources: z.array(
      z.object({
        source: z.string().min(1),
        trade_count: count,
        base_volume: decimalText,
        quote_volume: decimalText,
        share,
      }),
    ),
    dropped: z.object({ class: count, outlier: count, venue: count.optional(), peg: count.optional() }),
    policy: z.string().regex(/^[0-9a-f]{12}$/, "is not 12 hex digits"),
    provenance: z.literal("triangulated").optional(),
    legs: z.array(leg).optional(),
  })
  .refine(spansItsWindow, { path: ["from"], message: "is not window_seconds before to" });

/**
 * Reads a stored value. Keys it does not know are left out of the result.
 * @throws PoisonedValueError that names each field that is wrong
 */
export function parsePublished(text: string): PublishedValue {
  return parseWith(published, text, "a published value");
}

/** Reads stored JSON that has to be what the schema says, `what` in words. @throws PoisonedValueError */
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

function spansItsWindow(value: { from: string; to: string; window_seconds: number }): boolean {
  return parseTime(value.to) - parseTime(value.from) === seconds(value.window_seconds);
}
