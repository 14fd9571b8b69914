import type { Command } from "commander";
import { makePolicy } from "../internal/aggregate/policy.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { policySettings } from "../internal/config/schema.ts";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { logApiEvents } from "../internal/obs/api-logging.ts";
import { feedApiMetrics } from "../internal/obs/api-metrics.ts";
import { feedCircuitMetrics, logCircuitEvents } from "../internal/obs/circuit.ts";
import { feedDatabaseMetrics, logDatabaseEvents } from "../internal/obs/database.ts";
import { circuitsOf, databaseCheck, storeCheck } from "../internal/obs/health.ts";
import { createLogger } from "../internal/obs/logging.ts";
import { createRegistry } from "../internal/obs/metrics.ts";
import { listen, opsApp } from "../internal/obs/ops-server.ts";
import { feedReloadMetrics } from "../internal/obs/reload-metrics.ts";
import type { Database } from "../internal/storage/database.ts";
import { catchHangups, type Hangups, reloadOnHangup } from "./reload.ts";
import { serveApi } from "./serve.ts";
import {
  askDatabase,
  circuitOptions,
  daemonPatience,
  loadConfigWithWarnings,
  openMigratedDatabase,
  probeCircuits,
} from "./settings.ts";
import { aborted, stopSignal } from "./stop-signal.ts";

const HELP = `
Serves the published values from Redis, and computes what nobody published from the database, closed buckets
only. Every endpoint can be read and tried at /docs. Health (/healthz, /readyz) and /metrics are at
[api] ops_listen.

SIGHUP reads the configuration file again. Requests from then on follow it; the log says which keys were applied and
which need a restart. A file that cannot be used, that lacks a table, key or entry of the last one, or that lets in or
publishes more, changes nothing; a restart takes it. The environment of a running process does not change.
`;

/** Adds `api`, the daemon that answers. */
export function addApiCommand(program: Command): void {
  program
    .command("api")
    .description("serve prices over HTTP")
    .addHelpText("after", HELP)
    .action(async (_options: unknown, command: Command) => {
      const signal = stopSignal();
      const hangups = catchHangups();
      const loaded = loadConfigWithWarnings(command);
      const { config } = loaded;
      refuseUnsharedStores(config);
      const store = openStore(config.redis, { circuit: circuitOptions("redis", config.redis) });
      const database = await openMigratedDatabase(config.database, {
        ...daemonPatience(config, config.api.query_timeout_seconds),
        takesAny: true,
      });
      try {
        await serve(loaded, hangups, database, store, signal);
      } finally {
        await store.close();
        await database.close();
      }
    });
}

async function serve(
  loaded: LoadedConfig,
  hangups: Hangups,
  database: Database,
  store: PriceStore,
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const log = createLogger(config.log.level, "api");
  const registry = createRegistry();
  const feeds = [
    feedApiMetrics(registry),
    feedCircuitMetrics(registry),
    feedDatabaseMetrics(registry, () => askDatabase(database)),
    feedReloadMetrics(registry),
    logApiEvents(log),
    logCircuitEvents(log),
    logDatabaseEvents(log),
    ...probeCircuits(config, database, store),
  ];
  const ops = await listen(
    opsApp(registry, {
      checks: { database: databaseCheck(database, () => config.aggregate.settle_seconds), redis: storeCheck(store) },
      oneOf: ["database", "redis"],
      circuits: circuitsOf(database, store),
    }),
    { ...config.api.ops_listen, key: "api.ops_listen" },
  );
  const api = await serveApi(config, database, store);
  feeds.push(
    reloadOnHangup(hangups, loaded, "api", log, {
      refuse: refuseUnsharedStores,
      apply: (next) => {
        api.follow(next);
        log.level = next.log.level;
      },
    }),
  );
  log.info(
    {
      api: `http://${api.host}:${api.port}`,
      ops: `http://${ops.host}:${ops.port}`,
      policy: makePolicy(policySettings(config)).id,
    },
    "api started",
  );
  await aborted(signal);
  await Promise.all([api.close(), ops.close()]);
  for (const feed of feeds) feed.stop();
  log.info("api stopped");
}
