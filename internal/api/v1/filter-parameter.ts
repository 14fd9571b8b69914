import { z } from "@hono/zod-openapi";

const ERRORS = {
  error: ({ input }: { input?: unknown }) => (Array.isArray(input) ? "is given more than once" : "must be none"),
};

/** `filter=none`: counts all trades that the class filter keeps. */
export const filterParameter = z.literal("none", ERRORS).optional().openapi({
  description:
    "`none` counts every trade of the sources in VWAP, without the venue rule, the outlier filter and the guard, and with trades too small to form a price.",
});
