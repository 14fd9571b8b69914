import { createServer, type ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Registry } from "prom-client";
import type { CircuitState } from "../resilience/guard.ts";
import type { Dependency } from "./circuit-events.ts";
import { MOST_CONNECTIONS } from "./most-connections.ts";
import { oneAtATime } from "./pipelining.ts";

/** A question about one dependency: null where it is well, else what is wrong. */
export type HealthCheck = () => Promise<string | Degraded | null>;

/** What is wrong with a dependency that can be used nevertheless. */
export interface Degraded {
  readonly degraded: string;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

const CHECK_TIMEOUT_MS = 3_000;
const CLOSE_GRACE_MS = 3_000;

/** Longer than proxies keep an idle connection, 60 s as a rule: the one that may send a request has to be the one to end it. */
const KEEP_ALIVE_MS = 65_000;
const CHECK_CONNECTIONS_MS = 1_000;
const READ_GRACE_SECONDS = 5;

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** The key that it was read from, such as `api.listen`: named where it cannot be listened on. */
  readonly key?: string;
}

/** What a server in the open holds its clients to. */
export interface ClientLimits {
  /** How long a request may take to arrive, and to be answered. */
  readonly requestTimeoutSeconds: number;
}

type FetchCallback = Parameters<typeof getRequestListener>[0];

/** What `/readyz` asks. */
export interface Readiness {
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Checks of which one is enough, because each alone can answer what is asked; all others must be well. */
  readonly oneOf?: readonly string[];
  /** The circuits around what the process depends on. */
  readonly circuits: () => Readonly<Record<Dependency, CircuitState>>;
}

/**
 * `/healthz` (the process answers), `/readyz` (each check by name, and the circuits; 503 where it is not ready) and
 * `/metrics`, on a listener of their own.
 */
export function opsApp(registry: Registry, { checks, oneOf = [], circuits }: Readiness): Hono {
  const app = new Hono();
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", async (context) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await answerOf(check)] as const),
    );
    const failed = results.flatMap(([name, result]) => (typeof result === "string" ? name : []));
    const someAnswer = failed.length < oneOf.length && failed.every((name) => oneOf.includes(name));
    const ready = failed.length === 0 || someAnswer;
    const isWell = results.every(([, result]) => result === null);
    const status = isWell ? "ok" : ready ? "degraded" : "unavailable";
    const shown = results.map(([name, result]) => [name, typeof result === "object" ? result?.degraded : result]);
    const texts = Object.fromEntries(shown.map(([name, text]) => [name, text ?? "ok"]));
    return context.json({ status, checks: texts, circuits: circuits() }, ready ? 200 : 503);
  });
  app.get("/metrics", async (context) =>
    context.body(await registry.metrics(), 200, { "Content-Type": registry.contentType }),
  );
  return app;
}

/** What answers requests. */
export interface Listener {
  readonly fetch: (request: Request, env: HttpBindings) => Response | Promise<Response>;
  /** Answers what could not be read as a request, and what `fetch` throws. */
  readonly answerError?: (error: unknown) => Response;
}

/**
 * Listens with an app; `close` ends idle connections and waits a few seconds for running requests.
 * @param limits what clients are held to; without it, to what Node.js holds them to
 * @throws Error that names the address, where it is taken or not ours
 */
export function listen(
  { fetch, answerError }: Listener,
  { host, port, key }: Address,
  limits?: ClientLimits,
): Promise<Listening> {
  // Only a server of HTTP/1 is made here.
  const answer = getRequestListener(
    fetch as FetchCallback,
    answerError === undefined ? {} : { errorHandler: answerError },
  );
  const answerNext = oneAtATime((incoming, outgoing) => {
    // The one version that needs no Host; health checks of load balancers have none.
    if (incoming.httpVersion === "1.0") incoming.headers.host ??= "localhost";
    void answer(incoming, outgoing);
  });
  // Node.js answers a request without Host, or with an Expect that it does not know, itself, before its turn and past all
  // limits. Here the former is a malformed request like others, and the latter is answered as if it expected nothing.
  const server = createServer({ ...(limits && serverOptions(limits)), requireHostHeader: false }, answerNext);
  server.on("checkExpectation", answerNext);
  if (limits !== undefined) {
    server.maxConnections = MOST_CONNECTIONS;
    // Longer than any answer takes: what is silent for so long does not read what it is sent.
    server.timeout = (limits.requestTimeoutSeconds + READ_GRACE_SECONDS) * 1000;
  }
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const reason =
        error.code === "EADDRINUSE"
          ? "is taken by another process, perhaps one of this program"
          : `cannot be listened on (${error.code})`;
      reject(new Error(`${host}:${port} ${reason}; ${cureOf(key)}`));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve({
        host,
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            // A connection that is silent is not idle to the server, and would be waited for without end.
            const deadline = setTimeout(() => {
              server.closeAllConnections();
            }, CLOSE_GRACE_MS);
            server.close(() => {
              clearTimeout(deadline);
              closed();
            });
            server.closeIdleConnections();
          }),
      });
    });
  });
}

function cureOf(key: string | undefined): string {
  if (key === undefined) return "choose another address";
  const [table, name] = key.split(".");
  return `choose another with ${name} in [${table}], or with STELLARINDEX_${key.replace(".", "_").toUpperCase()}`;
}

function serverOptions({ requestTimeoutSeconds }: ClientLimits): ServerOptions {
  return {
    headersTimeout: requestTimeoutSeconds * 1000,
    requestTimeout: requestTimeoutSeconds * 1000,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
}

async function answerOf(check: HealthCheck): ReturnType<HealthCheck> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${CHECK_TIMEOUT_MS} ms`), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
