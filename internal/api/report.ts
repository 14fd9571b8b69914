import {
  backendUnreachable,
  requestFailed,
  requestRateLimited,
  requestShed,
  requestTimedOut,
} from "../obs/api-events.ts";
import type { ProblemKind } from "./problem.ts";

/** Publishes an error that is a failure of ours, or a limit that was reached; not one of the question. */
export function reportFailure(route: string, kind: ProblemKind, error: Error): void {
  if (kind === "unavailable") backendUnreachable.publish({ backend: "database", error });
  if (kind === "internal-error") requestFailed.publish({ route, error });
  if (kind === "overloaded") requestShed.publish({ route });
  if (kind === "timeout") requestTimedOut.publish({ route, error });
  if (kind === "rate-limited") requestRateLimited.publish({ route });
}
