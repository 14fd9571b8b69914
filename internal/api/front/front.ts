import type { IncomingMessage } from "node:http";
import { type HttpBindings, RequestError } from "@hono/node-server";
import type { Hono } from "hono";
import { asError } from "../../canonical/as-error.ts";
import { requestDone } from "../../obs/api-events.ts";
import type { Soon } from "../after.ts";
import { problemOf } from "../failure.ts";
import { Problem, problemResponse } from "../problem.ts";
import { reportFailure } from "../report.ts";
import { makeClientOf } from "./client.ts";
import { makeCors } from "./cors.ts";
import { type KeySettings, makeKeyring } from "./keys.ts";
import { type RateLimiter, WINDOW_SECONDS } from "./rate-limit.ts";

/** Longer questions than any that can be answered. */
const MOST_CHARACTERS = 2_048;

/** What routes get besides the request. */
export interface FrontEnv extends HttpBindings {
  /** The name of the API key that the request came with. */
  key?: string;
  /** Who a request comes from, by its address. */
  clientOf?: (incoming: IncomingMessage) => string;
}

/** To whom the API answers. */
export interface FrontSettings {
  readonly keys: readonly KeySettings[];
  /** Requests a minute of one client, 0 for any number. */
  readonly rateLimitPerMinute: number;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
}

/** An app as a server takes it. */
export interface Served {
  readonly fetch: (request: Request, env: HttpBindings) => Soon<Response>;
  /** Answers what could not be read as a request, and what nobody expected. */
  readonly answerError: (error: unknown) => Response;
}

/**
 * Puts an app behind what decides to whom it answers: keys, rate limits, the length of questions and CORS. All of it is
 * one call, which does nothing for what is switched off and lets nobody wait.
 */
export function withFront(
  app: Hono,
  settings: FrontSettings,
  { limiter, stopwatch }: { readonly limiter: RateLimiter; readonly stopwatch: () => number },
): Served {
  const { keys, rateLimitPerMinute, trustedProxies, corsOrigins } = settings;
  const keyOf = keys.length === 0 ? null : makeKeyring(keys);
  const cors = corsOrigins.length === 0 ? null : makeCors(corsOrigins);
  const clientOf = makeClientOf(trustedProxies);

  /** @throws Problem where it may not go on */
  function admit(env: FrontEnv): void {
    env.clientOf = clientOf;
    const { authorization } = env.incoming.headers;
    let key: KeySettings | null = null;
    try {
      if (keyOf !== null && authorization !== undefined) key = keyOf(authorization);
    } finally {
      // Guesses count as well.
      limit(env, key);
    }
    if (key !== null) env.key = key.name;
    if ((env.incoming.url ?? "").length > MOST_CHARACTERS) {
      throw new Problem("query-too-long", `a path with its query has at most ${MOST_CHARACTERS} characters`);
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
    throw new Problem("rate-limited", `${most} requests a minute are answered; try again in ${resetSeconds} s`, {
      headers: { "Retry-After": String(resetSeconds) },
    });
  }

  function done({ method }: Request, route: string, started: number, response: Response): Response {
    requestDone.publish({ route, method, status: response.status, seconds: stopwatch() - started, key: null });
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

function answerError(error: unknown): Response {
  const problem =
    error instanceof RequestError
      ? new Problem("malformed-request", "its path or its Host header is none that can be read")
      : problemOf(error);
  reportFailure("refused", problem.kind, asError(error));
  return problemResponse(problem);
}
