import { latestClosed } from "../canonical/bucket.ts";
import { formatDuration } from "../canonical/duration.ts";
import { InputError } from "../canonical/input-error.ts";
import type { Pair } from "../canonical/pair.ts";
import { earlierOf, floorTo, formatTime, type Micros, seconds } from "../canonical/time.ts";
import { type Aliases, pairIdentity } from "./aliases.ts";

/** The longest window that is answered, 31 days. */
export const LONGEST_WINDOW_SECONDS = 31 * 24 * 3600;

/** The timings that questions are held to, in seconds. */
export interface Grid {
  readonly bucketSeconds: number;
  readonly intervalSeconds: number;
  readonly settleSeconds: number;
}

/** The configured pair that `pair` is another name of, or `pair` itself. */
export function asConfigured(pair: Pair, configured: readonly Pair[], aliases: Aliases): Pair {
  const identity = pairIdentity(pair, aliases);
  return configured.find((candidate) => pairIdentity(candidate, aliases) === identity) ?? pair;
}

/** @throws InputError where the window is off the grid, shorter than an interval, or too long */
export function checkWindow(windowSeconds: number, { bucketSeconds, intervalSeconds }: Grid): void {
  const wrong =
    windowSeconds % bucketSeconds !== 0
      ? `is no multiple of ${formatDuration(bucketSeconds)}`
      : windowSeconds < intervalSeconds
        ? `is shorter than ${formatDuration(intervalSeconds)}`
        : windowSeconds > LONGEST_WINDOW_SECONDS
          ? `is longer than ${formatDuration(LONGEST_WINDOW_SECONDS)}`
          : null;
  if (wrong !== null) throw new InputError(`a window of ${formatDuration(windowSeconds)} ${wrong}`);
}

/**
 * The end of the bucket that a question about the moment `at` gets: the largest grid point at or before it that is
 * closed now.
 * @throws InputError where `at` is in the future
 */
export function bucketEndAt(at: Micros, now: Micros, { bucketSeconds, settleSeconds }: Grid): Micros {
  if (at > now) throw new InputError(`${formatTime(at)} is in the future`);
  return earlierOf(floorTo(at, seconds(bucketSeconds)), latestClosed(now, bucketSeconds, settleSeconds));
}
