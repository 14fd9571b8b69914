import { Hono } from "hono";
import type { Registry } from "prom-client";
import type { CircuitState } from "../lib/circuit-breaker.ts";
import type { Dependency } from "./events.ts";

/** Checks one dependency: resolves to null where it is healthy, otherwise to the problem. */
export type HealthCheck = () => Promise<string | Degraded | null>;

/** The problem of a dependency that is still usable. */
export interface Degraded {
  readonly degraded: string;
}

const CHECK_TIMEOUT_MS = 3_000;

/** The inputs of `/readyz`. */
export interface Readiness {
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Checks of which one is enough, since each alone can serve requests; all other checks must succeed. */
  readonly oneOf?: readonly string[];
  /** Returns the states of the circuits. */
  readonly circuits: () => Readonly<Partial<Record<Dependency, CircuitState>>>;
}

/**
 * Returns the app of the ops listener: `/healthz` (the process answers), `/readyz` (each check by name, and the
 * circuits; 503 where it is not ready) and `/metrics`.
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
