import { backendUnreachable, requestFailed } from "../obs/api-events.ts";
import type { ProblemKind } from "./problem.ts";

/** Publishes an error that is a failure of ours, not of the question. */
export function reportFailure(route: string, kind: ProblemKind, error: Error): void {
  if (kind === "unavailable") backendUnreachable.publish({ backend: "database", error });
  if (kind === "internal-error") requestFailed.publish({ route, error });
}
