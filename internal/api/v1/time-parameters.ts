import { z } from "@hono/zod-openapi";
import { formatDuration, parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { type Micros, parseTime } from "../../canonical/time.ts";
import { PARAMETER_ERRORS, parsedBy } from "../../http/query.ts";
import { MAX_WINDOW_SECONDS, windowSecondsOf } from "../../policy/query.ts";
import type { ApiSettings } from "../context.ts";

// Each app, which a reload replaces, has its own schemas. `meta` releases them with the app, while `openapi` would keep
// them as long as the process runs.

/** Returns the schema of an optional time with this description. */
export function timeParameter(about: string) {
  return z.string(PARAMETER_ERRORS).transform(parsedBy(readTime)).optional().meta({
    type: "string",
    format: "date-time",
    description: about,
  });
}

/** Returns the schema of an optional window. */
export function windowParameter(settings: ApiSettings, defaultSeconds: number) {
  const { bucketSeconds, intervalSeconds } = settings;
  return z
    .string(PARAMETER_ERRORS)
    .transform(parsedBy((text: string) => windowSecondsOf(parseDuration(text), settings)))
    .optional()
    .meta({
      type: "string",
      description: `Length of the bucket, such as \`90s\`, \`5m\` or \`24h\`: a multiple of ${bucketSeconds}s from ${formatDuration(intervalSeconds)} to ${formatDuration(MAX_WINDOW_SECONDS)}. Default: ${formatDuration(defaultSeconds)}.`,
      example: formatDuration(defaultSeconds),
    });
}

/** Parses a time from 1970 on. @throws InputError */
export function readTime(text: string): Micros {
  // In a query, an unencoded + is decoded as a space.
  if (/ \d\d:?\d\d$/.test(text)) throw new InputError("the + of an offset must be encoded as %2B in a URL; or use Z");
  const time = parseTime(text);
  if (time < 0n) throw new InputError("is before 1970");
  return time;
}
