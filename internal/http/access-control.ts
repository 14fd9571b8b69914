import type { IncomingMessage } from "node:http";
import { type HttpBindings, RequestError } from "@hono/node-server";
import type { Hono } from "hono";
import { asError } from "../lib/as-error.ts";
import type { MaybePromise } from "../lib/maybe-promise.ts";
import { makeClientOf } from "./client-address.ts";
import { makeCors } from "./cors.ts";
import { requestDone, type ServerName } from "./events.ts";
import { type KeySettings, makeKeyring } from "./keys.ts";
import type { Principal } from "./principal.ts";
import { PROBLEMS, Problem, problemResponse } from "./problem.ts";
import { type RateLimiter, WINDOW_SECONDS } from "./rate-limit.ts";
import { reportFailure } from "./report-failure.ts";

/** The longest path with query, in characters: more than any valid request needs. */
const MAX_URL_LENGTH = 2_048;

/** What routes receive in addition to the request. */
export interface AccessEnv extends HttpBindings {
  /** The principal of the request's API key; absent without one. */
  principal?: Principal;
  /** Returns the client of a request by its IP address; see {@link makeClientOf}. */
  clientOf?: (incoming: IncomingMessage) => string;
}

/** The settings that decide whose requests are answered. */
export interface AccessSettings {
  readonly keys: readonly KeySettings[];
  /** Requests per minute and client; 0 for no limit. */
  readonly rateLimitPerMinute: number;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
}

/** An app in the form that a server takes. */
export interface AccessControlled {
  readonly fetch: (request: Request, env: HttpBindings) => MaybePromise<Response>;
  /** Answers a request that could not be parsed, or an unexpected error. */
  readonly answerError: (error: unknown) => Response;
}

/** What the checks depend on. */
export interface AccessParts {
  /** Whose requests these are, for metrics. */
  readonly server: ServerName;
  readonly limiter: RateLimiter;
  /** A monotonic clock, in seconds. */
  readonly stopwatch: () => number;
  /** Maps an error of the app or of the checks to the problem to answer with. */
  readonly problemOf: (error: unknown) => Problem;
}

/**
 * Wraps an app with API keys, rate limits, a limit on the length of URLs, and CORS. All checks run synchronously in one
 * call; those that are switched off cost nothing.
 */
export function withAccessControl(
  app: Hono,
  settings: AccessSettings,
  { server, limiter, stopwatch, problemOf }: AccessParts,
): AccessControlled {
  const { keys, rateLimitPerMinute, trustedProxies, corsOrigins } = settings;
  const keyOf = keys.length === 0 ? null : makeKeyring(keys);
  const cors = corsOrigins.length === 0 ? null : makeCors(corsOrigins);
  const clientOf = makeClientOf(trustedProxies);

  /** @throws Problem where the request is refused */
  function admit(env: AccessEnv): void {
    env.clientOf = clientOf;
    const { authorization } = env.incoming.headers;
    let key: KeySettings | null = null;
    try {
      if (keyOf !== null && authorization !== undefined) key = keyOf(authorization);
    } finally {
      // Unknown keys count too, so that guessing keys is limited.
      limit(env, key);
    }
    if (key !== null) env.principal = { key: key.name, tenant: key.tenant ?? null, scopes: key.scopes };
    if ((env.incoming.url ?? "").length > MAX_URL_LENGTH) {
      throw new Problem(PROBLEMS["query-too-long"], `path and query have more than ${MAX_URL_LENGTH} characters`);
    }
  }

  function limit({ incoming, outgoing }: HttpBindings, key: KeySettings | null): void {
    const most = key?.rate_limit_per_minute ?? rateLimitPerMinute;
    if (most === 0) return;
    const client = key === null ? clientOf(incoming) : `key:${key.name}`;
    const { isAllowed, remaining, resetSeconds } = limiter.take(client, most);
    // draft-ietf-httpapi-ratelimit-headers
    outgoing.setHeader("RateLimit-Policy", `"minute";q=${most};w=${WINDOW_SECONDS}`);
    outgoing.setHeader("RateLimit", `"minute";r=${remaining};t=${resetSeconds}`);
    if (isAllowed) return;
    throw new Problem(
      PROBLEMS["rate-limited"],
      `the limit is ${most} requests per minute; try again in ${resetSeconds} s`,
      {
        headers: { "Retry-After": String(resetSeconds) },
      },
    );
  }

  function answerError(error: unknown): Response {
    const problem =
      error instanceof RequestError
        ? new Problem(PROBLEMS["malformed-request"], "the path or the Host header cannot be parsed")
        : problemOf(error);
    reportFailure(server, "refused", problem.kind, asError(error));
    return problemResponse(problem);
  }

  function done({ method }: Request, route: string, started: number, response: Response): Response {
    const seconds = stopwatch() - started;
    requestDone.publish({ server, route, method, status: response.status, seconds, key: null });
    return response;
  }

  return {
    fetch: (request, env) => {
      const started = stopwatch();
      try {
        const preflight = cors?.(env.incoming, env.outgoing) ?? null;
        if (preflight !== null) return done(request, "preflight", started, preflight);
        admit(env);
      } catch (error) {
        return done(request, "refused", started, answerError(error));
      }
      return app.fetch(request, env);
    },
    answerError,
  };
}
