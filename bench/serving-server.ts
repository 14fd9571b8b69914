import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import { problemOf } from "../internal/api/failure.ts";
import { logApiEvents } from "../internal/api/log.ts";
import { feedApiMetrics } from "../internal/api/metrics.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { openStore } from "../internal/cache/open-store.ts";
import { type AccessControlled, withAccessControl } from "../internal/http/access-control.ts";
import { logRequests } from "../internal/http/log.ts";
import { makeRateLimiter } from "../internal/http/rate-limit.ts";
import { listen } from "../internal/http/server.ts";
import { NO_CIRCUIT_BREAKER } from "../internal/lib/circuit-breaker.ts";
import { stopwatch, systemClock } from "../internal/lib/clock.ts";
import { createLogger } from "../internal/obs/logger.ts";
import { createRegistry } from "../internal/obs/registry.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/policy/policy.ts";
import { connect } from "../internal/storage/connection/pool.ts";
import { SERVED_SETTINGS, type ServerOrder } from "./serving-orders.ts";

// A separate process for one server: the argument says what it serves, and it sends its port to the parent.

const order = JSON.parse(process.argv[2] ?? "") as ServerOrder;
process.send?.(await start(order));
// On request, sends the processor time that this process has used so far, in microseconds.
process.on("message", () => process.send?.(process.cpuUsage().user + process.cpuUsage().system));
process.on("disconnect", () => process.exit());

async function start(what: ServerOrder): Promise<number> {
  if (what.kind === "node") return listenPlain(what.length);
  const anyPort = { host: "127.0.0.1", port: 0 };
  const { requestTimeoutSeconds } = SERVED_SETTINGS;
  const limits = what.kind === "api" ? { requestTimeoutSeconds } : undefined;
  return (await listen(what.kind === "api" ? api(what) : bareApp(what.length), anyPort, limits)).port;
}

/** Creates the API like `stellarindex api`. The database is never queried, since all requested values are in Redis. */
function api({ redisUrl, keyPrefix }: Extract<ServerOrder, { kind: "api" }>): AccessControlled {
  feedApiMetrics(createRegistry());
  const log = createLogger("info", "api", { write: () => {} });
  logApiEvents(log);
  logRequests(log);
  const sql = connect("postgres://nobody@127.0.0.1:1/nothing", { max: 1 });
  const app = createApi({
    database: { sql, engine: "postgres", breaker: NO_CIRCUIT_BREAKER, close: () => sql.end() },
    store: openStore({ url: redisUrl, key_prefix: keyPrefix }),
    policy: makePolicy(DEFAULT_POLICY_SETTINGS),
    settings: SERVED_SETTINGS,
    now: systemClock.now,
    stopwatch,
  });
  const nobodyElse = { keys: [], rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] };
  return withAccessControl(app, nobodyElse, {
    limiter: makeRateLimiter(stopwatch, null),
    stopwatch,
    problemOf,
    server: "api",
  });
}

function bareApp(length: number): Hono {
  const text = "x".repeat(length);
  const app = new Hono();
  app.get("/", (c) => c.body(text, 200, { "Content-Type": "application/json" }));
  return app;
}

/** A minimal server, which shows the limit of the load generator. */
async function listenPlain(length: number): Promise<number> {
  const text = "x".repeat(length);
  const server = createServer((_request, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
