import { z } from "@hono/zod-openapi";

const ERRORS = {
  error: ({ input }: { input?: unknown }) => (Array.isArray(input) ? "is given more than once" : "can only be none"),
};

/** `filter=none`: the figures of all trades that the class filter keeps. */
export const filterParameter = z.literal("none", ERRORS).optional().openapi({
  description:
    "`none` counts every trade of the sources in VWAP as it is: no venue rule, no outlier filter, no guard, and trades too small to form a price as well.",
});
