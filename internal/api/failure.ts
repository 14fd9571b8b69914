import { isUnavailable, RawDataExpired } from "../storage/errors.ts";
import { Problem } from "./problem.ts";

const RETRY_AFTER_SECONDS = 5;

/** The problem that an error is answered with; of unexpected ones it says nothing, as they may hold SQL or secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof RawDataExpired) return new Problem("raw-data-expired", error.message);
  if (isUnavailable(error)) {
    return new Problem("unavailable", `the database is out of reach; try again in ${RETRY_AFTER_SECONDS} seconds`, {
      headers: { "Retry-After": String(RETRY_AFTER_SECONDS) },
    });
  }
  return new Problem("internal-error", "the request could not be answered; the log of the API says why");
}
