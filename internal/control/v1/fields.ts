import { z } from "@hono/zod-openapi";
import { formatTime, type Micros, parseTime } from "../../canonical/time.ts";
import { parsedBy } from "../../http/query.ts";

/** Fields that the resources of the control API share. */

const ID = /^[1-9]\d{0,17}$/;

/** A number that identifies a row, as text: it may be larger than a JavaScript number can tell. */
export const idField = z
  .string()
  .regex(ID, "is not an id, which is a whole number in a text")
  .transform((text) => BigInt(text))
  .openapi({ type: "string", example: "17" });

export const timeField = z.string().transform(parsedBy(parseTime)).openapi({
  type: "string",
  format: "date-time",
  example: "2026-08-09T22:30:00Z",
});

/** A letter, digit, mark of punctuation or symbol, but for those that are drawn as blanks. */
const VISIBLE = /(?![\u115F\u1160\u2800\u3164\uFFA0])[\p{L}\p{N}\p{P}\p{S}]/u;

/** Names of workers, keys and the like: readable, of limited length, without control characters. */
export const nameField = (max: number) =>
  z
    .string()
    .min(1, "is empty")
    .max(max, `is longer than ${max} characters`)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "contains control characters")
    .refine((text) => VISIBLE.test(text), "has no visible character: write it in words");

/** Names of sources, hosts and feeds, as the ledger checks them. */
export const sourceField = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "is no name of a source");
export const hostField = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$/, "is no name of a host");
export const feedField = z.string().regex(/^[a-z0-9][A-Za-z0-9.:/_-]{0,127}$/, "is no name of a feed");

export const limitField = z.coerce.number().int().min(1).max(200).default(50).openapi({
  type: "integer",
  description: "the most rows of a page",
});

/** Who acts has to say why. */
export const reasonFields = {
  reason: nameField(1000).openapi({ description: "why, for the audit log", example: "submitted by mistake" }),
  ticket: nameField(256).nullable().default(null).openapi({ description: "where it is tracked, for the audit log" }),
};

/** What cannot easily be undone is done with it only. */
export const confirmField = z.boolean().default(false).openapi({ description: "true to do it" });
/** The body of an action that needs nothing else. */
export const reasonSchema = z.strictObject(reasonFields).openapi("Reason");

/** Returns a time as answers show it; null for none. */
export function shownTime(time: Micros | null): string | null {
  return time === null ? null : formatTime(time);
}

/** Returns the schema of a page: rows, and the cursor of the next page, null at the end. */
export function pageOf(row: z.ZodType) {
  return z.object({ data: z.array(row), next: z.string().nullable() });
}

/** Returns a page of rows that were read with one more than the limit, which tells whether there is a next page. */
export function pageFrom<Row>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (last: Row) => string,
  show: (row: Row) => unknown,
) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { data: shown.map(show), next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}
