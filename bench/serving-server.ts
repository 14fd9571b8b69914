import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Hono } from "hono";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../internal/aggregate/policy.ts";
import { type Served, withFront } from "../internal/api/front/front.ts";
import { makeRateLimiter } from "../internal/api/front/rate-limit.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { openStore } from "../internal/cache/store.ts";
import { logApiEvents } from "../internal/obs/api-logging.ts";
import { feedApiMetrics } from "../internal/obs/api-metrics.ts";
import { stopwatch, systemClock } from "../internal/obs/clock.ts";
import { createLogger } from "../internal/obs/logging.ts";
import { createRegistry } from "../internal/obs/metrics.ts";
import { listen } from "../internal/obs/ops-server.ts";
import { NO_GUARD } from "../internal/resilience/guard.ts";
import { connect } from "../internal/storage/pool.ts";
import { SERVED_SETTINGS, type ServerOrder } from "./serving-orders.ts";

// A process of its own for one server: what it is to serve comes as its argument, its port goes to who started it.

const order = JSON.parse(process.argv[2] ?? "") as ServerOrder;
process.send?.(await start(order));
// Asked for it, the processor time that this process has used so far, in microseconds.
process.on("message", () => process.send?.(process.cpuUsage().user + process.cpuUsage().system));
process.on("disconnect", () => process.exit());

async function start(what: ServerOrder): Promise<number> {
  if (what.kind === "node") return listenPlain(what.length);
  const anyPort = { host: "127.0.0.1", port: 0 };
  const { requestTimeoutSeconds } = SERVED_SETTINGS;
  const limits = what.kind === "api" ? { requestTimeoutSeconds } : undefined;
  return (await listen(what.kind === "api" ? api(what) : bareApp(what.length), anyPort, limits)).port;
}

/** As `stellarindex api` wires it. The database is never asked: all that the benchmark asks about is in Redis. */
function api({ redisUrl, keyPrefix }: Extract<ServerOrder, { kind: "api" }>): Served {
  feedApiMetrics(createRegistry());
  logApiEvents(createLogger("info", "api", { write: () => {} }));
  const sql = connect("postgres://nobody@127.0.0.1:1/nothing", { max: 1 });
  const app = createApi({
    database: { sql, engine: "postgres", guard: NO_GUARD, close: () => sql.end() },
    store: openStore({ url: redisUrl, key_prefix: keyPrefix }),
    policy: makePolicy(DEFAULT_POLICY_SETTINGS),
    settings: SERVED_SETTINGS,
    now: systemClock.now,
    stopwatch,
  });
  const nobodyElse = { keys: [], rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] };
  return withFront(app, nobodyElse, { limiter: makeRateLimiter(stopwatch, null), stopwatch });
}

function bareApp(length: number): Hono {
  const text = "x".repeat(length);
  const app = new Hono();
  app.get("/", (c) => c.body(text, 200, { "Content-Type": "application/json" }));
  return app;
}

/** The least that a server in this runtime does, to see what the load generator can do. */
async function listenPlain(length: number): Promise<number> {
  const text = "x".repeat(length);
  const server = createServer((_request, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
