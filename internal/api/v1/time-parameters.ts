import { z } from "@hono/zod-openapi";
import { LONGEST_WINDOW_SECONDS, windowSecondsOf } from "../../aggregate/question.ts";
import { formatDuration, parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { type Micros, parseTime } from "../../canonical/time.ts";
import type { ApiSettings } from "../context.ts";
import { PARAMETER_ERRORS, parsedBy } from "../query.ts";

// These are made for each app, which a reload replaces: `meta` lets go of a schema with its app, while what `openapi`
// describes is kept as long as the process runs.

/** A moment that may be left out; `about` says which. */
export function timeParameter(about: string) {
  return z.string(PARAMETER_ERRORS).transform(parsedBy(readTime)).optional().meta({
    type: "string",
    format: "date-time",
    description: about,
  });
}

/** A window that may be left out. */
export function windowParameter(settings: ApiSettings, defaultSeconds: number) {
  const { bucketSeconds, intervalSeconds } = settings;
  return z
    .string(PARAMETER_ERRORS)
    .transform(parsedBy((text: string) => windowSecondsOf(parseDuration(text), settings)))
    .optional()
    .meta({
      type: "string",
      description: `A duration such as \`90s\`, \`5m\` or \`24h\`: a multiple of ${bucketSeconds}s, from ${formatDuration(intervalSeconds)} to ${formatDuration(LONGEST_WINDOW_SECONDS)}. By default ${formatDuration(defaultSeconds)}.`,
      example: formatDuration(defaultSeconds),
    });
}

/** The moment that a text names, from 1970 on. */
export function readTime(text: string): Micros {
  // In a query, an unencoded + is a blank.
  if (/ \d\d:?\d\d$/.test(text)) throw new InputError("the + of an offset is written %2B in a URL; or use Z");
  const time = parseTime(text);
  if (time < 0n) throw new InputError("is before 1970");
  return time;
}
