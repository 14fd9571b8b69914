import { z } from "@hono/zod-openapi";

// What answers are made of, for their documentation.

export const pairText = z
  .string()
  .openapi({ description: "canonical, as configured where it is", example: "crypto:XLM/fiat:USD" });
export const priceText = z.string().openapi({ description: "at most 18 significant digits", example: "0.38125" });
export const volumeText = z.string().openapi({ description: "exact, in whole units", example: "120.5" });
export const timeText = z.string().openapi({ format: "date-time", example: "2026-08-09T22:30:00Z" });
export const policyText = z
  .string()
  .openapi({ description: "hash of the settings that decide the figure", example: "9f2c1ab04d7e" });

/** The bucket that an answer is about. */
export const bucketFields = {
  window_seconds: z.int().positive().openapi({ description: "length of the bucket" }),
  from: timeText.openapi({ description: "start of the bucket" }),
  to: timeText.openapi({ description: "end of the bucket, which it does not include" }),
};
