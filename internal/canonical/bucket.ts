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

/** Whether a bucket that ends at `to` can no longer change: `settleSeconds` have passed since. */
export function isClosed(to: Micros, now: Micros, settleSeconds: number): boolean {
  return to + seconds(settleSeconds) <= now;
}

/** The latest multiple of `stepSeconds` that is closed at `now`. */
export function latestClosed(now: Micros, stepSeconds: number, settleSeconds: number): Micros {
  return floorTo(now - seconds(settleSeconds), seconds(stepSeconds));
}

/** A bucket cut where each kind of row can answer for it: whole hours, whole minutes at its ends, raw trades beyond. */
export interface BucketParts {
  readonly headTrades: Bucket;
  readonly headMinutes: Bucket;
  readonly hours: Bucket;
  readonly tailMinutes: Bucket;
  readonly tailTrades: Bucket;
}

/** Cuts a bucket into its parts, in time order, without gap or overlap; a part may be empty (`from === to`). */
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

/** The longest run of whole steps inside the bucket; where there is none, an empty run at its end. */
function inner({ from, to }: Bucket, step: Micros): Bucket {
  const first = ceilTo(from, step);
  const last = floorTo(to, step);
  return first < last ? { from: first, to: last } : { from: to, to };
}
