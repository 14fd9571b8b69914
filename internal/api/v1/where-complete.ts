import { earlierOf, type Micros } from "../../canonical/time.ts";
import { ReplayBehind } from "../../storage/errors.ts";
import type { ReplayPosition } from "../../storage/standby.ts";
import type { ApiSettings } from "../context.ts";

/** When a question is answered as of. */
export interface AsOf {
  /** What is closed at this moment is closed by the clock, and complete in the database that answers. */
  readonly moment: Micros;
  /** Of the standby that lacks what is closed by the clock; null where none was met. */
  readonly behind: ReplayPosition | null;
}

/** Behind one URL there may be several standbys, each farther behind than the one before. */
const MOST_TRIES = 4;

/**
 * Answers as of `now`; where the database that answers is a standby that may lack trades of what is closed by then, again as
 * of the moment that it is complete up to.
 * @throws ReplayBehind where each that answers is farther behind than the one before
 */
export async function whereComplete<T>(now: Micros, answer: (asOf: AsOf) => Promise<T>): Promise<T> {
  let asOf: AsOf = { moment: now, behind: null };
  for (let left = MOST_TRIES; ; ) {
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
 * Whether an answer is older than it would be on a healthy system. A standby of a primary that is idle has all there is, and
 * trades have the settle time to land.
 */
export function isStale({ behind }: AsOf, { settleSeconds }: ApiSettings): boolean {
  return behind !== null && !behind.isCaughtUp && behind.lagSeconds > settleSeconds;
}
