import { RawDataExpired } from "../storage/errors.ts";
import { Problem } from "./problem.ts";

const RETRY_AFTER_SECONDS = 5;

const CONNECTION_FAILURES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
]);
// Connection exceptions, too few resources, and a server that stops or starts.
const PASSING_SQLSTATE = /^(?:08...|53...|57P0[1-5])$/;

/** Whether the database is out of reach, as opposed to having refused what it was asked. */
export function isUnavailable(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && (CONNECTION_FAILURES.has(code) || PASSING_SQLSTATE.test(code));
}

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
