import type { Command } from "commander";
import { makePolicy } from "../internal/aggregate/policy.ts";
import type { ApiContext } from "../internal/api/context.ts";
import { createApi } from "../internal/api/v1/api.ts";
import { followStore } from "../internal/api/v1/service.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import { type Config, policySettings } from "../internal/config/schema.ts";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { logApiEvents } from "../internal/obs/api-logging.ts";
import { feedApiMetrics } from "../internal/obs/api-metrics.ts";
import { feedCircuitMetrics, logCircuitEvents } from "../internal/obs/circuit.ts";
import { stopwatch, systemClock } from "../internal/obs/clock.ts";
import { circuitsOf, databaseCheck, storeCheck } from "../internal/obs/health.ts";
import { createLogger } from "../internal/obs/logging.ts";
import { createRegistry } from "../internal/obs/metrics.ts";
import { listen, opsApp } from "../internal/obs/ops-server.ts";
import { feedReloadMetrics } from "../internal/obs/reload-metrics.ts";
import type { Database } from "../internal/storage/database.ts";
import { reloadOnHangup } from "./reload.ts";
import { circuitOptions, loadConfigOf, openMigratedDatabase, probeCircuits } from "./settings.ts";
import { aborted, stopSignal } from "./stop-signal.ts";

const HELP = `
Serves the published values from Redis, and computes what nobody published from the database, closed buckets
only. Every endpoint can be read and tried at /docs. Health (/healthz, /readyz) and /metrics are at
[api] ops_listen.

SIGHUP reads the configuration file again. Requests from then on follow it; the log says which keys were applied and
which need a restart. A file that cannot be used changes nothing. The environment of a running process does not change.
`;

/** Adds `api`, the daemon that answers. */
export function addApiCommand(program: Command): void {
  program
    .command("api")
    .description("serve prices over HTTP")
    .addHelpText("after", HELP)
    .action(async (_options: unknown, command: Command) => {
      const loaded = loadConfigOf(command);
      const { config } = loaded;
      refuseUnsharedStores(config);
      const signal = stopSignal();
      const store = openStore(config.redis, { circuit: circuitOptions("redis", config.redis) });
      const database = await openMigratedDatabase(config.database, {
        queryTimeoutSeconds: config.api.query_timeout_seconds,
        circuit: circuitOptions("database", config.database),
      });
      try {
        await serve(loaded, database, store, signal);
      } finally {
        await store.close();
        await database.close();
      }
    });
}

/** What the API answers from under this configuration. */
export function apiContext(config: Config, database: Database, store: PriceStore): ApiContext {
  const { aggregate, api } = config;
  return {
    database,
    store,
    policy: makePolicy(policySettings(config)),
    settings: {
      pairs: publishedPairs(config),
      windows: aggregate.windows,
      intervalSeconds: aggregate.interval_seconds,
      bucketSeconds: aggregate.bucket_seconds,
      settleSeconds: aggregate.settle_seconds,
      vwapWindowSeconds: aggregate.vwap_window_seconds,
      twapWindowSeconds: aggregate.twap_window_seconds,
      maxTrades: aggregate.max_trades_per_window,
      priceFreshnessSeconds: api.price_freshness_seconds,
    },
    now: systemClock.now,
    stopwatch,
  };
}

async function serve(loaded: LoadedConfig, database: Database, store: PriceStore, signal: AbortSignal): Promise<void> {
  const { config } = loaded;
  const log = createLogger(config.log.level, "api");
  const registry = createRegistry();
  const feeds = [
    feedApiMetrics(registry),
    feedCircuitMetrics(registry),
    feedReloadMetrics(registry),
    logApiEvents(log),
    logCircuitEvents(log),
    ...probeCircuits(config, database, store),
  ];
  const context = apiContext(config, database, store);
  // One for all apps that take each other's place.
  const copies = followStore(context);
  let app = createApi(context, copies);
  const ops = await listen(
    opsApp(registry, {
      checks: { database: databaseCheck(database), redis: storeCheck(store) },
      oneOf: ["database", "redis"],
      circuits: circuitsOf(database, store),
    }),
    config.api.ops_listen,
  );
  const api = await listen({ fetch: (request, env) => app.fetch(request, env) }, config.api.listen);
  feeds.push(
    reloadOnHangup(loaded, "api", log, {
      refuse: refuseUnsharedStores,
      apply: (next) => {
        app = createApi(apiContext(next, database, store), copies);
        log.level = next.log.level;
      },
    }),
  );
  log.info(
    { api: `http://${api.host}:${api.port}`, ops: `http://${ops.host}:${ops.port}`, policy: context.policy.id },
    "api started",
  );
  await aborted(signal);
  await Promise.all([api.close(), ops.close()]);
  for (const feed of feeds) feed.stop();
  log.info("api stopped");
}
