import type { Context, Hono } from "hono";
import { asError } from "../canonical/as-error.ts";
import { requestDone } from "../obs/api-events.ts";
import type { Soon } from "./after.ts";
import { problemOf } from "./failure.ts";
import { problemResponse } from "./problem.ts";
import { reportFailure } from "./report.ts";

/** Answers a request, or throws what the problem answer is made from. */
export type Respond = (c: Context) => Soon<Response>;

/**
 * Adds a route to an app. It is all that runs for its requests, at once where the answer is at hand: middleware would
 * make every answer wait for a promise.
 */
export function addRoute(app: Hono, path: string, stopwatch: () => number, respond: Respond): void {
  app.get(path, reported(path, stopwatch, respond));
}

/** Answers what `respond` throws with a problem, and publishes every request as one of the route. */
export function reported(route: string, stopwatch: () => number, respond: Respond): Respond {
  function failed(error: unknown): Response {
    const problem = problemOf(error);
    reportFailure(route, problem.kind, asError(error));
    return problemResponse(problem);
  }
  function report(c: Context, started: number, response: Response): Response {
    const { status } = response;
    requestDone.publish({ route, method: c.req.method, status, seconds: stopwatch() - started });
    return response;
  }
  return (c) => {
    const started = stopwatch();
    try {
      const response = respond(c);
      if (!(response instanceof Promise)) return report(c, started, response);
      return response.catch(failed).then((answered) => report(c, started, answered));
    } catch (error) {
      return report(c, started, failed(error));
    }
  };
}
