import { backendUnreachable, requestFailed, requestRateLimited, requestShed, requestTimedOut } from "./events.ts";
import { PROBLEMS, type ProblemKind } from "./problem.ts";

/**
 * Publishes an error as an event if it is a server failure or a limit that was reached; client errors are not
 * published.
 */
export function reportFailure(route: string, kind: ProblemKind, error: Error): void {
  if (kind === PROBLEMS.unavailable) backendUnreachable.publish({ backend: "database", error });
  if (kind === PROBLEMS["internal-error"]) requestFailed.publish({ route, error });
  if (kind === PROBLEMS.overloaded) requestShed.publish({ route });
  if (kind === PROBLEMS.timeout) requestTimedOut.publish({ route, error });
  if (kind === PROBLEMS["rate-limited"]) requestRateLimited.publish({ route });
}
