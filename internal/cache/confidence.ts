import { z } from "zod";
import { CONFIDENCE_FACTORS, type Confidence } from "../aggregate/confidence.ts";
import { pairText, parseWith, timeText } from "./value.ts";

const score = z
  .string()
  .regex(/^(?:0\.\d{4}|1\.0000)$/, "is not a number from 0 to 1 with 4 decimals")
  .describe("from 0 to 1, 4 decimals");

const factor = z
  .object({ measured: z.string().describe("what was measured; see docs/methodology.md"), score })
  .nullable()
  .describe("null where it is not known; it does not count then");

const factors = z.object(
  Object.fromEntries(CONFIDENCE_FACTORS.map((name) => [name, factor])) as Record<
    (typeof CONFIDENCE_FACTORS)[number],
    typeof factor
  >,
);

/** How far a published value can be relied on, as it is stored. */
export const confidenceSchema = z.object({
  pair: pairText,
  window_seconds: z.int().positive(),
  from: timeText,
  to: timeText,
  confidence: score,
  weakest_leg: pairText.optional().describe("of a triangulated value: the market on its way that the factors are of"),
  factors,
  policy: z.string(),
});

/** @throws PoisonedValueError that names each field that is wrong */
export function parseConfidence(text: string): Confidence {
  return parseWith(confidenceSchema, text, "a confidence");
}
