import { formatTime } from "../canonical/time.ts";
import { ClockAhead, isTimedOut, isUnavailable, RawDataExpired, ReplayBehind } from "../storage/errors.ts";
import type { ReplayPosition } from "../storage/standby.ts";
import { Problem, type ProblemKind } from "./problem.ts";

const RETRY_AFTER_SECONDS = 5;

/** The problem that an error is answered with; of unexpected ones it says nothing, as they may hold SQL or secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RawDataExpired) return new Problem("raw-data-expired", error.message);
  if (error instanceof ClockAhead) return passing("unavailable", "the clocks of the API and the database differ");
  if (error instanceof ReplayBehind)
    return passing("unavailable", "the database that answers is a standby that is behind");
  if (isUnavailable(error)) return passing("unavailable", "the database is out of reach");
  if (isTimedOut(error)) return timedOut();
  return new Problem("internal-error", "the request could not be answered; the log of the API says why");
}

/** The answer was not there in time. */
export function timedOut(): Problem {
  return passing("timeout", "the answer was not there in time; a shorter range takes less");
}

/** The bucket is over by the clock, and the standby that answers may lack trades of it. */
export function notReplayed({ completeTo }: ReplayPosition): Problem {
  const what = `the database that answers is a standby, complete to ${formatTime(completeTo)} only`;
  return passing("bucket-not-closed", what);
}

/** Nothing more is taken on. */
export function overloaded(): Problem {
  return passing("overloaded", "as many requests wait for their answer as may", 1);
}

function passing(kind: ProblemKind, what: string, seconds = RETRY_AFTER_SECONDS): Problem {
  const unit = seconds === 1 ? "second" : "seconds";
  return new Problem(kind, `${what}; try again in ${seconds} ${unit}`, {
    headers: { "Retry-After": String(seconds) },
  });
}
