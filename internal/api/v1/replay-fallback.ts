import { earlierOf, type Micros } from "../../canonical/time.ts";
import { ReplayBehind } from "../../storage/connection/errors.ts";
import type { ReplayPosition } from "../../storage/connection/standby.ts";
import type { ApiSettings } from "../context.ts";

/** The moment as of which a query is answered. */
export interface AsOf {
  /** A bucket closed at this moment is closed by the clock, and complete in the database that answers. */
  readonly moment: Micros;
  /**
   * The replay position of the standby that answers and lags behind the clock; null where the database is up to date.
   */
  readonly behind: ReplayPosition | null;
}

/** One URL may lead to several standbys, each further behind than the one before. */
const MAX_ATTEMPTS = 4;

/**
 * Answers as of `now`. Where the database is a standby that may lack trades of buckets closed by then, answers again as
 * of the moment up to which the standby is complete.
 * @throws ReplayBehind where each standby that answers is further behind than the one before
 */
export async function withReplayFallback<T>(now: Micros, answer: (asOf: AsOf) => Promise<T>): Promise<T> {
  let asOf: AsOf = { moment: now, behind: null };
  for (let left = MAX_ATTEMPTS; ; ) {
    try {
      return await answer(asOf);
    } catch (error) {
      left--;
      if (!(error instanceof ReplayBehind) || left === 0) throw error;
      const { position } = error;
      asOf = { moment: earlierOf(asOf.moment, position.completeTo), behind: position };
    }
  }
}

/**
 * Whether an answer is older than it would be on a healthy system. A standby that has replayed all it received is up to
 * date, and a lag within the settle time is normal.
 */
export function isStale({ behind }: AsOf, { settleSeconds }: ApiSettings): boolean {
  return behind !== null && !behind.isCaughtUp && behind.lagSeconds > settleSeconds;
}
