import { ceilTo, floorTo, type Micros, seconds } from "./time.ts";

/** The half-open interval [from, to) that a value covers. */
export interface Bucket {
  readonly from: Micros;
  readonly to: Micros;
}

export const MINUTE: Micros = seconds(60);
export const HOUR: Micros = seconds(3600);

export function bucketEndingAt(to: Micros, windowSeconds: number): Bucket {
  return { from: to - seconds(windowSeconds), to };
}

/** Returns whether a bucket that ends at `to` is final: `settleSeconds` have passed since its end. */
export function isClosed(to: Micros, now: Micros, settleSeconds: number): boolean {
  return to + seconds(settleSeconds) <= now;
}

/** Returns the latest bucket end, a multiple of `stepSeconds`, that is closed at `now`. */
export function latestClosed(now: Micros, stepSeconds: number, settleSeconds: number): Micros {
  return floorTo(now - seconds(settleSeconds), seconds(stepSeconds));
}

/**
 * A bucket split by the table that can serve each part: hourly rollups, minute rollups at the ends, raw trades beyond.
 */
export interface BucketParts {
  readonly headTrades: Bucket;
  readonly headMinutes: Bucket;
  readonly hours: Bucket;
  readonly tailMinutes: Bucket;
  readonly tailTrades: Bucket;
}

/** Splits a bucket into contiguous parts in time order; a part may be empty (`from === to`). */
export function splitBucket({ from, to }: Bucket): BucketParts {
  const minutes = inner({ from, to }, MINUTE);
  const hours = inner(minutes, HOUR);
  return {
    headTrades: { from, to: minutes.from },
    headMinutes: { from: minutes.from, to: hours.from },
    hours,
    tailMinutes: { from: hours.to, to: minutes.to },
    tailTrades: { from: minutes.to, to },
  };
}

/** Returns the longest range of whole steps inside the bucket; an empty range at its end if there is none. */
function inner({ from, to }: Bucket, step: Micros): Bucket {
  const first = ceilTo(from, step);
  const last = floorTo(to, step);
  return first < last ? { from: first, to: last } : { from: to, to };
}
