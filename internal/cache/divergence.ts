import { z } from "zod";
import { formatTime, parseTime } from "../canonical/time.ts";
import { decimalText, pairText, parseWith, timeText } from "./value.ts";

const reference = z.object({
  reference: z.string().min(1).describe("who was asked, or the source in `trades`"),
  price: decimalText,
  as_of: z
    .string()
    .refine(isTime, "is not a time in UTC, such as 2026-08-09T22:30:00.5Z")
    .describe("when the reference says that its price is of, RFC 3339"),
});

/** What comparing a published price with references outside gave, as it is stored. */
export const divergenceSchema = z
  .object({
    pair: pairText,
    price: decimalText.describe("ours, as it was compared"),
    to: timeText.describe("the end of its bucket"),
    checked: z.boolean().describe("whether enough references answered to say anything"),
    median: decimalText.nullable().describe("of the references' prices; null where it was not checked"),
    deviation_pct: z
      .string()
      .regex(/^-?\d+(?:\.\d{1,6})?$/, "is not a number of per cent")
      .nullable()
      .describe("(median − price) / price in per cent, 6 decimals; null where it was not checked"),
    threshold_pct: decimalText.describe("the deviation in per cent above which there is a warning"),
    warning: z.boolean().describe("whether the deviation is above the threshold"),
    references: z.array(reference).describe("those that answered, sorted by name"),
  })
  .refine(
    ({ checked, median, deviation_pct, warning }) =>
      checked === (median !== null) && checked === (deviation_pct !== null) && (checked || !warning),
    "finds something without a check, or nothing with one",
  );

/** See {@link divergenceSchema}. */
export type Divergence = Readonly<z.output<typeof divergenceSchema>>;

/** How long the outcome of a check stands, in seconds. */
export const DIVERGENCE_TTL_SECONDS = 300;

/** The one line of JSON that is stored. */
export function serializeDivergence(divergence: Divergence): string {
  return JSON.stringify(divergence);
}

/** @throws PoisonedValueError that names each field that is wrong */
export function parseDivergence(text: string): Divergence {
  return parseWith(divergenceSchema, text, "the outcome of a check");
}

function isTime(text: string): boolean {
  try {
    return formatTime(parseTime(text)) === text;
  } catch {
    return false;
  }
}
