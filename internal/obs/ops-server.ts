import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Registry } from "prom-client";
import type { CircuitState } from "../resilience/guard.ts";
import type { Dependency } from "./circuit-events.ts";

/** A question about one dependency: null where it is well, else what is wrong. */
export type HealthCheck = () => Promise<string | null>;

export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

const CHECK_TIMEOUT_MS = 3_000;
const CLOSE_GRACE_MS = 3_000;

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
      Object.entries(checks).map(async ([name, check]) => [name, (await answerOf(check)) ?? "ok"] as const),
    );
    const failed = results.flatMap(([name, result]) => (result === "ok" ? [] : name));
    const someAnswer = failed.length < oneOf.length && failed.every((name) => oneOf.includes(name));
    const ready = failed.length === 0 || someAnswer;
    const status = failed.length === 0 ? "ok" : ready ? "degraded" : "unavailable";
    return context.json({ status, checks: Object.fromEntries(results), circuits: circuits() }, ready ? 200 : 503);
  });
  app.get("/metrics", async (context) =>
    context.body(await registry.metrics(), 200, { "Content-Type": registry.contentType }),
  );
  return app;
}

/**
 * Listens for what an app answers; `close` ends idle connections and waits a few seconds for running requests.
 * @throws Error that names the address, where it is taken or not ours
 */
export function listen(
  { fetch }: Pick<Hono, "fetch">,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  const server = createAdaptorServer({ fetch });
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => {
      const reason =
        error.code === "EADDRINUSE" ? "is taken by another program" : `cannot be listened on (${error.code})`;
      reject(new Error(`${host}:${port} ${reason}; choose another with listen and ops_listen in the configuration`));
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
              if ("closeAllConnections" in server) server.closeAllConnections();
            }, CLOSE_GRACE_MS);
            server.close(() => {
              clearTimeout(deadline);
              closed();
            });
            if ("closeIdleConnections" in server) server.closeIdleConnections();
          }),
      });
    });
  });
}

async function answerOf(check: HealthCheck): Promise<string | null> {
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
