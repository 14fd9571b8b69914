import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { backendUnreachable, requestDone, requestFailed } from "../obs/api-events.ts";
import type { ProblemKind } from "./problem.ts";

/** Publishes every answered request. */
export function reportRequests(stopwatch: () => number): MiddlewareHandler {
  return async (c, next) => {
    const started = stopwatch();
    await next();
    requestDone.publish({
      route: routeOf(c),
      method: c.req.method,
      status: c.res.status,
      seconds: stopwatch() - started,
    });
  };
}

/** Publishes an error that is a failure of ours, not of the question. */
export function reportFailure(c: Context, kind: ProblemKind, error: Error): void {
  if (kind === "unavailable") backendUnreachable.publish({ backend: "database", error });
  if (kind === "internal-error") requestFailed.publish({ route: routeOf(c), error });
}

function routeOf(c: Context): string {
  const route = routePath(c, -1);
  return route.includes("*") ? "unmatched" : route;
}
