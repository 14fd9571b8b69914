import { z } from "zod";
import { confidenceSchema } from "../cache/confidence.ts";

/** The confidence in a published value, as the API answers it. */
export const shownConfidenceSchema = confidenceSchema
  .pick({ confidence: true, weakest_leg: true, factors: true })
  .extend({
    agreement: z
      .object({
        references: z
          .object({
            measured: z.string().describe("deviation from the median of the references, in per cent"),
            score: z.string(),
          })
          .nullable(),
        triangulated: z
          .object({
            measured: z
              .string()
              .describe("deviation of the triangulated price of the same bucket, in per cent of the value"),
            score: z.string(),
          })
          .nullable(),
      })
      .describe(
        "agreement with other prices; not part of `confidence`. null where it was not compared, or there is no such price",
      ),
  });
