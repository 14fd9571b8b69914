import {
  backendUnreachable,
  requestFailed,
  requestRateLimited,
  requestShed,
  requestTimedOut,
  type ServerName,
} from "./events.ts";
import { PROBLEMS, type ProblemKind } from "./problem.ts";

/**
 * Publishes an error as an event if it is a server failure or a limit that was reached; client errors are not
 * published.
 */
export function reportFailure(server: ServerName, route: string, kind: ProblemKind, error: Error): void {
  if (kind === PROBLEMS.unavailable) backendUnreachable.publish({ server, backend: "database", error });
  if (kind === PROBLEMS["internal-error"]) requestFailed.publish({ server, route, error });
  if (kind === PROBLEMS.overloaded) requestShed.publish({ server, route });
  if (kind === PROBLEMS.timeout) requestTimedOut.publish({ server, route, error });
  if (kind === PROBLEMS["rate-limited"]) requestRateLimited.publish({ server, route });
}
