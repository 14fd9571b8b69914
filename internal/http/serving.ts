import type { Context, Hono } from "hono";
import { asError } from "../lib/as-error.ts";
import type { MaybePromise } from "../lib/maybe-promise.ts";
import type { AccessEnv } from "./access-control.ts";
import type { Admission, AdmissionClass, AdmissionLimits } from "./admission.ts";
import { requestDone, type ServerName } from "./events.ts";
import type { Principal } from "./principal.ts";
import { type Problem, problemResponse } from "./problem.ts";
import { reportFailure } from "./report-failure.ts";

/** Answers a request; an error that it throws is answered as a problem. */
export type Respond = (c: Context) => MaybePromise<Response>;

/** The dependencies and limits that all routes of an app share. `Class` names the classes of requests that it bounds. */
export interface Serving<Class extends AdmissionClass = AdmissionClass> {
  /** Whose requests these are, for metrics. */
  readonly server: ServerName;
  /** A monotonic clock, in seconds. */
  readonly stopwatch: () => number;
  readonly admission: Admission;
  readonly limits: Readonly<Record<Class, AdmissionLimits>>;
  /** What requests without an API key may do. */
  readonly anonymous: Principal;
  /** Returns the problem to answer an error with. */
  readonly problemOf: (error: unknown) => Problem;
}

/**
 * Adds a handler to an app, without middleware: that would add promises to each request, while cached answers are
 * synchronous. An error becomes a problem answer, and each request is published as an event of the route.
 */
export function addHandler<Class extends AdmissionClass>(
  app: Hono,
  serving: Serving<Class>,
  { method, path, admission }: { readonly method: string; readonly path: string; readonly admission: Class },
  respond: Respond,
): void {
  app.on(method.toUpperCase(), path, reported(path, serving, admission, respond));
}

/** Wraps a handler with admission control and reports; see {@link addHandler}. */
export function reported<Class extends AdmissionClass>(
  route: string,
  { server, stopwatch, admission, limits, problemOf }: Serving<Class>,
  admissionClass: Class,
  respond: Respond,
): Respond {
  const ownLimits = limits[admissionClass];
  function failed(error: unknown): Response {
    const problem = problemOf(error);
    reportFailure(server, route, problem.kind, asError(error));
    return problemResponse(problem);
  }
  function report(c: Context, started: number, response: Response): Response {
    const { status } = response;
    const key = principalOf(c)?.key ?? null;
    requestDone.publish({ server, route, method: c.req.method, status, seconds: stopwatch() - started, key });
    return response;
  }
  return (c) => {
    const started = stopwatch();
    try {
      const response = admission.enter(admissionClass, ownLimits, respond, c, principalOf(c)?.tenant);
      if (!(response instanceof Promise)) return report(c, started, response);
      return response.catch(failed).then((answered) => report(c, started, answered));
    } catch (error) {
      return report(c, started, failed(error));
    }
  };
}

/** Returns the principal of a request's API key; null without a key. */
export function principalOf(c: Context): Principal | null {
  return (c.env as Partial<AccessEnv> | undefined)?.principal ?? null;
}

/** Returns the client of a request: its API key, otherwise its address; "" where the address is unknown. */
export function clientOf(c: Context): string {
  const { principal, clientOf: addressOf, incoming } = (c.env ?? {}) as Partial<AccessEnv>;
  if (principal !== undefined) return `key:${principal.key}`;
  return addressOf === undefined || incoming === undefined ? "" : addressOf(incoming);
}
