import { InputError } from "../../canonical/input-error.ts";
import { PROBLEMS, Problem, problemKinds, temporaryProblem, timedOut } from "../../http/problem.ts";
import { isReadOnlyServer, isTimedOut, isUnavailable } from "../../storage/connection/errors.ts";

/** The kinds of error answers about the ledger. Their names are part of the API. */
export const CONTROL_PROBLEMS = problemKinds({
  "not-found": { status: 404, title: "Not found", example: "there is no job 17" },
  refused: { status: 422, title: "Refused by the ledger", example: "needs job 17, which does not exist" },
  "lease-lost": {
    status: 409,
    title: "Lease lost",
    example: "the lease of job 17 is lost",
  },
  unconfirmed: {
    status: 409,
    title: "Confirmation needed",
    example: 'this stops all work of the tenant; send "confirm": true to do it',
  },
});

/** Returns the problem for an error. Unexpected errors are not described, as they may contain SQL or secrets. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof InputError) return new Problem(CONTROL_PROBLEMS.refused, error.message);
  if (isUnavailable(error)) return temporaryProblem(PROBLEMS.unavailable, "the database is unreachable");
  if (isReadOnlyServer(error)) {
    return temporaryProblem(PROBLEMS.unavailable, "the database takes no writes now: it is a standby, or read only");
  }
  if (isTimedOut(error)) return timedOut();
  return new Problem(PROBLEMS["internal-error"], "the request failed; the log of the control daemon has the error");
}
