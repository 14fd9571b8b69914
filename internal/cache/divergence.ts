import { z } from "zod";
import { decimalText, pairText, parseWith, timeText } from "../canonical/stored-text.ts";
import { formatTime, parseTime } from "../canonical/time.ts";

const reference = z.object({
  reference: z.string().min(1).describe("name of the reference, or of the source in `trades`"),
  price: decimalText,
  as_of: z
    .string()
    .refine(isTime, "is not a time in UTC, such as 2026-08-09T22:30:00.5Z")
    .describe("time of the price according to the reference, RFC 3339"),
});

/** The comparison of a published price with references, as it is stored. */
export const divergenceSchema = z
  .object({
    pair: pairText,
    price: decimalText.describe("the published price that was compared"),
    to: timeText.describe("end of its bucket"),
    checked: z.boolean().describe("whether enough references answered for a comparison"),
    median: decimalText.nullable().describe("median of the references' prices; null where not checked"),
    deviation_pct: z
      .string()
      .regex(/^-?\d+(?:\.\d{1,6})?$/, "is not a percentage")
      .nullable()
      .describe("(median − price) / price in per cent, 6 decimals; null where not checked"),
    threshold_pct: decimalText.describe("deviation in per cent above which there is a warning"),
    warning: z.boolean().describe("whether the deviation is above the threshold"),
    references: z.array(reference).describe("the references that answered, sorted by name"),
  })
  .refine(
    ({ checked, median, deviation_pct, warning }) =>
      checked === (median !== null) && checked === (deviation_pct !== null) && (checked || !warning),
    "has a result without a check, or a check without a result",
  );

/** See {@link divergenceSchema}. */
export type Divergence = Readonly<z.output<typeof divergenceSchema>>;

/** The TTL of a comparison, in seconds. */
export const DIVERGENCE_TTL_SECONDS = 300;

/** Returns the JSON text to store. */
export function serializeDivergence(divergence: Divergence): string {
  return JSON.stringify(divergence);
}

/** Parses a stored comparison. @throws PoisonedValueError that names each invalid field */
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
