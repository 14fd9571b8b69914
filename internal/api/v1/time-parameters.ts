import { z } from "@hono/zod-openapi";
import { formatDuration, parseDuration } from "../../canonical/duration.ts";
import { InputError } from "../../canonical/input-error.ts";
import { MICROS_PER_SECOND, type Micros, parseTime } from "../../canonical/time.ts";
import type { ApiSettings } from "../context.ts";
import { PARAMETER_ERRORS, parsedBy } from "../query.ts";

const LONGEST_WINDOW_SECONDS = 31 * 86_400;

/** A moment; `about` says which. */
export function timeParameter(about: string) {
  return z.string(PARAMETER_ERRORS).transform(parsedBy(readTime)).openapi({
    type: "string",
    format: "date-time",
    description: about,
  });
}

export function windowParameter(settings: ApiSettings, defaultSeconds: number) {
  const { bucketSeconds, intervalSeconds } = settings;
  return z
    .string(PARAMETER_ERRORS)
    .transform(parsedBy((text: string) => checkWindow(parseDuration(text), settings)))
    .openapi({
      type: "string",
      description: `A duration such as \`90s\`, \`5m\` or \`24h\`: a multiple of ${bucketSeconds}s, from ${formatDuration(intervalSeconds)} to 744h. By default ${formatDuration(defaultSeconds)}.`,
      example: formatDuration(defaultSeconds),
    });
}

/**
 * A length that a window may have, in seconds.
 * @throws InputError where it is too short, too long or off the grid
 */
export function checkWindow(length: Micros, { bucketSeconds, intervalSeconds }: ApiSettings): number {
  const seconds = Number(length) / Number(MICROS_PER_SECOND);
  if (seconds % bucketSeconds !== 0) {
    throw new InputError(`a window is a multiple of the grid of ${bucketSeconds} s`);
  }
  if (seconds < intervalSeconds) throw new InputError(`a window is at least ${intervalSeconds} s long`);
  if (seconds > LONGEST_WINDOW_SECONDS) throw new InputError("a window is at most 31 days (744h) long");
  return seconds;
}

/** The moment that a text names, from 1970 on. */
export function readTime(text: string): Micros {
  // In a query, an unencoded + is a blank.
  if (/ \d\d:?\d\d$/.test(text)) throw new InputError("the + of an offset is written %2B in a URL; or use Z");
  const time = parseTime(text);
  if (time < 0n) throw new InputError("is before 1970");
  return time;
}
