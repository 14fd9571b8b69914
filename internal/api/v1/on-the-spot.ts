import type { Bucket } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { type Micros, seconds } from "../../canonical/time.ts";
import { type Answer, NO_FLAGS, PAST_MAX_AGE_SECONDS, secondsUntil } from "../answer.ts";
import type { ApiSettings } from "../context.ts";
import { Problem } from "../problem.ts";
import { makeShare } from "../share.ts";
import { bucketOf, isCurrent, type Question } from "./question.ts";
import { isStale, whereComplete } from "./where-complete.ts";

/** Figures as JSON text. */
export interface Figures {
  readonly data: string;
  readonly triangulated: boolean;
}

/**
 * Answers questions by computing now. Those who ask the same at once share one computation; one about the present
 * stands until the next bucket closes. Where a standby answers, it is the last bucket that is complete there.
 * @param compute throws ReplayBehind where the database may lack trades of the bucket
 */
export function onTheSpot(
  settings: ApiSettings,
  compute: (pair: Pair, bucket: Bucket, client: string) => Promise<Figures | Problem>,
): (question: Question, now: Micros, clientOf: () => string) => Promise<Answer> {
  const share = makeShare<Figures | Problem>();
  return (question, now, clientOf) =>
    whereComplete(now, async (asOf) => {
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

/** When the grid point after `to` closes. */
export function nextClosing(to: Micros, { bucketSeconds, settleSeconds }: ApiSettings): Micros {
  return to + seconds(bucketSeconds + settleSeconds);
}
