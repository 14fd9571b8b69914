import { z } from "zod";
import { confidenceSchema } from "../cache/confidence.ts";

/** How far a published value can be relied on, as it is shown. */
export const shownConfidenceSchema = confidenceSchema
  .pick({ confidence: true, weakest_leg: true, factors: true })
  .extend({
    agreement: z
      .object({
        references: z
          .object({
            measured: z.string().describe("deviation from the references' median in per cent"),
            score: z.string(),
          })
          .nullable(),
        triangulated: z
          .object({
            measured: z
              .string()
              .describe("deviation of the price through other markets in the same bucket, in per cent of the value"),
            score: z.string(),
          })
          .nullable(),
      })
      .describe(
        "with prices from elsewhere; no part of `confidence`. null where it was not checked, or there is no such price",
      ),
  });
