import type { Bucket } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { Problem } from "../../http/problem.ts";
import { makeSingleFlight } from "../../lib/single-flight.ts";
import { type Answer, NO_FLAGS, PAST_MAX_AGE_SECONDS, secondsUntil } from "../answer.ts";
import type { ApiSettings } from "../context.ts";
import { type BucketQuery, bucketOf, isCurrent } from "./bucket-query.ts";
import { isStale, withReplayFallback } from "./replay-fallback.ts";

/** A value as JSON text. */
export interface ComputedValue {
  readonly data: string;
  readonly triangulated: boolean;
}

/**
 * Returns a function that answers queries by computing the value now. Concurrent equal queries share one computation
 * (single-flight); the result for the latest bucket is reused until the next one closes. On a standby, the latest
 * bucket is the last one that is complete there.
 * @param compute throws ReplayBehind where the database may lack trades of the bucket
 */
export function answerOnDemand(
  settings: ApiSettings,
  compute: (pair: Pair, bucket: Bucket, client: string) => Promise<ComputedValue | Problem>,
): (question: BucketQuery, now: Micros, clientOf: () => string) => Promise<Answer> {
  const share = makeSingleFlight<ComputedValue | Problem>();
  return (question, now, clientOf) =>
    withReplayFallback(now, async (asOf) => {
      const { pair } = question;
      const bucket = bucketOf(question, settings, now, asOf);
      const current = isCurrent(question);
      const key = `${formatPair(pair)} ${bucket.from} ${bucket.to}`;
      const figures = await share(key, current ? bucket.to : null, () => compute(pair, bucket, clientOf()));
      if (figures instanceof Problem) throw figures;
      const maxAgeSeconds = current ? secondsUntil(nextClosing(bucket.to, settings), now) : PAST_MAX_AGE_SECONDS;
      return {
        data: figures.data,
        flags: { ...NO_FLAGS, stale: isStale(asOf, settings), triangulated: figures.triangulated },
        maxAgeSeconds: asOf.behind === null ? maxAgeSeconds : 0,
      };
    });
}

/** Returns when the bucket that ends at the next grid point after `to` closes. */
export function nextClosing(to: Micros, { bucketSeconds, settleSeconds }: ApiSettings): Micros {
  return to + seconds(bucketSeconds + settleSeconds);
}
