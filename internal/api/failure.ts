import { formatTime } from "../canonical/time.ts";
import { PROBLEMS, Problem, temporaryProblem } from "../http/problem.ts";
import { ClockAhead, isTimedOut, isUnavailable, RawDataExpired, ReplayBehind } from "../storage/connection/errors.ts";
import type { ReplayPosition } from "../storage/connection/standby.ts";
import { PRICE_PROBLEMS } from "./problems.ts";

/** Returns the problem for an error. Unexpected errors are not described, as they may contain SQL or secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RawDataExpired) return new Problem(PRICE_PROBLEMS["raw-data-expired"], error.message);
  if (error instanceof ClockAhead) return unavailable("the clocks of the API and the database differ");
  if (error instanceof ReplayBehind) return unavailable("the database is a standby that lags behind its primary");
  if (isUnavailable(error)) return unavailable("the database is unreachable");
  if (isTimedOut(error)) return timedOut();
  return new Problem(PROBLEMS["internal-error"], "the request failed; the API's log has the error");
}

/** Returns the problem of a request that timed out. */
export function timedOut(): Problem {
  return temporaryProblem(PROBLEMS.timeout, "the request timed out; a shorter range takes less time");
}

function unavailable(what: string): Problem {
  return temporaryProblem(PROBLEMS.unavailable, what);
}

/** Returns the problem of a bucket that is closed by the clock, but of which the standby may lack trades. */
export function notReplayed({ completeTo }: ReplayPosition): Problem {
  return temporaryProblem(
    PRICE_PROBLEMS["bucket-not-closed"],
    `the database is a standby, complete only to ${formatTime(completeTo)}`,
  );
}
