import type { LoadedConfig } from "../config/load.ts";
import { keepRescuing } from "../control/rescuer.ts";
import { feedArchiveMetrics } from "../deliver/archive/metrics.ts";
import { logDeliverEvents } from "../deliver/log.ts";
import { feedDeliverMetrics } from "../deliver/metrics.ts";
import { keepProbing } from "../lib/probe.ts";
import { createLogger } from "../obs/logger.ts";
import { pingDatabase } from "../storage/connection/database.ts";
import { receiversOf, startDeliveries } from "./deliveries.ts";
import { databaseCheck } from "./health.ts";
import { ledgerCareOf } from "./ledger-care.ts";
import { type Hangups, reloadOnHangup } from "./reload.ts";
import { feedReloadMetrics } from "./reload-metrics.ts";
import type { Resources } from "./resources.ts";
import { runDaemon } from "./run-daemon.ts";
import { aborted } from "./stop-signal.ts";

/** Runs deliveries as a daemon of their own, with reloads at SIGHUP, until the signal aborts. */
export async function runDeliverDaemon(
  loaded: LoadedConfig,
  hangups: Hangups,
  resources: Resources,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const { database } = resources;
  const log = createLogger(config.log.level, "deliver");
  const cooldown = config.database.breaker_cooldown_seconds;
  const receivers = receiversOf(config);
  const destinations = [...receivers.byName.keys()];
  await runDaemon(resources, log, {
    feeds: (registry) => [
      logDeliverEvents(log),
      feedDeliverMetrics(registry),
      feedArchiveMetrics(registry),
      feedReloadMetrics(registry),
      keepRescuing(ledgerCareOf(database)),
      keepProbing(database.breaker, cooldown, () => pingDatabase(database)),
    ],
    readiness: { checks: { database: databaseCheck(database, () => config.aggregate.settle_seconds) } },
    opsAddress: { ...config.deliver.ops_listen, key: "deliver.ops_listen" },
    run: async (ops) => {
      const deliveries = await startDeliveries(config, resources, receivers, name);
      let next = receivers;
      const reload = reloadOnHangup(hangups, loaded, "deliver", log, {
        refuse: (config) => {
          next = receiversOf(config);
        },
        apply: (config) => {
          log.level = config.log.level;
          deliveries
            .reconfigure(next)
            .catch((error: unknown) => log.error({ reason: String(error) }, "destinations are not replaced"));
        },
      });
      if (destinations.length === 0) log.warn("nobody is told of events: the configuration has no [[deliveries]]");
      log.info({ destinations, ops: `http://${ops.host}:${ops.port}` }, "deliver started");
      await aborted(signal);
      reload.stop();
      await deliveries.stop();
    },
  });
  log.info("deliver stopped");
}
