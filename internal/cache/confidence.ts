import { z } from "zod";
import { pairText, parseWith, timeText } from "../canonical/stored-text.ts";
import { CONFIDENCE_FACTORS, type Confidence } from "../policy/confidence.ts";

const score = z
  .string()
  .regex(/^(?:0\.\d{4}|1\.0000)$/, "is not a number from 0 to 1 with 4 decimals")
  .describe("from 0 to 1, 4 decimals");

const factor = z
  .object({ measured: z.string().describe("the measured value (docs/methodology.md)"), score })
  .nullable()
  .describe("null where it is unknown; it does not count then");

const factors = z.object(
  Object.fromEntries(CONFIDENCE_FACTORS.map((name) => [name, factor])) as Record<
    (typeof CONFIDENCE_FACTORS)[number],
    typeof factor
  >,
);

/** The confidence in a published value, as it is stored. */
export const confidenceSchema = z.object({
  pair: pairText,
  window_seconds: z.int().positive(),
  from: timeText,
  to: timeText,
  confidence: score,
  weakest_leg: pairText
    .optional()
    .describe("for a triangulated value: the market on its route that the factors describe"),
  factors,
  policy: z.string(),
});

/** Parses a stored confidence. @throws PoisonedValueError that names each invalid field */
export function parseConfidence(text: string): Confidence {
  return parseWith(confidenceSchema, text, "a confidence");
}
