import type { Context, Hono } from "hono";
import { asError } from "../canonical/as-error.ts";
import { requestDone } from "../obs/api-events.ts";
import type { Soon } from "./after.ts";
import { problemOf } from "./failure.ts";
import type { FrontEnv } from "./front/front.ts";
import type { Load, LoadLimits } from "./load.ts";
import { problemResponse } from "./problem.ts";
import { reportFailure } from "./report.ts";

/** Answers a request, or throws what the problem answer is made from. */
export type Respond = (c: Context) => Soon<Response>;

/** What routes have in common. */
export interface Serving {
  /** Seconds on a clock that only goes forward. */
  readonly stopwatch: () => number;
  readonly load: Load;
  readonly limits: LoadLimits;
  /** Whether prices are for those with an API key only. */
  readonly requireKey: boolean;
}

/**
 * Adds a route to an app. It is all that runs for its requests, at once where the answer is at hand: middleware would
 * make every answer wait for a promise.
 */
export function addRoute(app: Hono, path: string, serving: Serving, respond: Respond): void {
  app.get(path, reported(path, serving, respond));
}

/** Answers what `respond` throws with a problem, and publishes every request as one of the route. */
export function reported(route: string, { stopwatch, load, limits }: Serving, respond: Respond): Respond {
  function failed(error: unknown): Response {
    const problem = problemOf(error);
    reportFailure(route, problem.kind, asError(error));
    return problemResponse(problem);
  }
  function report(c: Context, started: number, response: Response): Response {
    const { status } = response;
    requestDone.publish({ route, method: c.req.method, status, seconds: stopwatch() - started, key: keyOf(c) });
    return response;
  }
  return (c) => {
    const started = stopwatch();
    try {
      const response = load.enter(respond, c, limits);
      if (!(response instanceof Promise)) return report(c, started, response);
      return response.catch(failed).then((answered) => report(c, started, answered));
    } catch (error) {
      return report(c, started, failed(error));
    }
  };
}

/** The name of the API key that a request came with; null where it came with none. */
export function keyOf(c: Context): string | null {
  return (c.env as Partial<FrontEnv> | undefined)?.key ?? null;
}

/** Who a request comes from: the holder of its key, else an address; the same empty name for all where that is not known. */
export function clientOf(c: Context): string {
  const { key, clientOf: addressOf, incoming } = (c.env ?? {}) as Partial<FrontEnv>;
  if (key !== undefined) return `key:${key}`;
  return addressOf === undefined || incoming === undefined ? "" : addressOf(incoming);
}
