import { targetsOf } from "../aggregator/target.ts";
import type { LoadedConfig } from "../config/load.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { type Config, policySettings } from "../config/schema.ts";
import type { DeliverySettings } from "../config/sections/deliveries.ts";
import { keepRescuing } from "../control/rescuer.ts";
import type { Archive } from "../deliver/archive/archive.ts";
import { keepArchiving } from "../deliver/archive/keep-archiving.ts";
import { feedArchiveMetrics } from "../deliver/archive/metrics.ts";
import { openArchive } from "../deliver/archive/open-archive.ts";
import { makeReadArchived } from "../deliver/archive/read-archived.ts";
import type { Receiver } from "../deliver/deliver-event.ts";
import { runDeliveries } from "../deliver/delivery-worker.ts";
import { deliverFailed, deliveriesCounted } from "../deliver/events.ts";
import { filterOf, orderPointerOf } from "../deliver/filter.ts";
import { logDeliverEvents } from "../deliver/log.ts";
import { makeSender } from "../deliver/make-sender.ts";
import { feedDeliverMetrics } from "../deliver/metrics.ts";
import { runWatchers } from "../deliver/watch/watchers.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { keepCalling } from "../lib/keep-calling.ts";
import { keepProbing } from "../lib/probe.ts";
import { createLogger } from "../obs/logger.ts";
import { makePolicy } from "../policy/policy.ts";
import { retryConflicts } from "../storage/connection/conflicts.ts";
import { pingDatabase } from "../storage/connection/database.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import { countDeliveries } from "../storage/events/counts.ts";
import { type Destination, type DestinationLimits, declareDestinations } from "../storage/events/destinations.ts";
import { databaseCheck } from "./health.ts";
import { ledgerCareOf } from "./ledger-care.ts";
import { type Hangups, reloadOnHangup } from "./reload.ts";
import { feedReloadMetrics } from "./reload-metrics.ts";
import type { Resources } from "./resources.ts";
import { runDaemon } from "./run-daemon.ts";
import { aborted } from "./stop-signal.ts";

const COUNT_SECONDS = 15;
/** Whose events are delivered. */
const TENANT = "default";

/** Deliveries at work. */
export interface RunningDeliveries {
  /** Delivers to other destinations from now on; attempts under way may end first. */
  readonly reconfigure: (receivers: Receivers) => Promise<void>;
  /** Hands back what is under way, after some seconds. */
  readonly stop: () => Promise<void>;
}

/** Configured destinations, what sends to each, and where the data of old events go. */
export interface Receivers {
  readonly declared: readonly (Destination & DestinationLimits)[];
  readonly byName: ReadonlyMap<string, Receiver>;
  /** Null where they stay in the database. */
  readonly archive: Archive | null;
  /** Age at which they go there. */
  readonly archiveAfterSeconds: number;
}

/**
 * Returns what the configured destinations and the archive need; their secrets are read.
 * @throws InputError that names the destination whose secret cannot be read, or what the archive lacks
 */
export function receiversOf({ deliveries, deliver }: Pick<Config, "deliveries" | "deliver">): Receivers {
  const dependencies = { env: process.env, now: systemClock.now };
  return {
    declared: deliveries.map(destinationOf),
    byName: new Map(
      deliveries.map((settings) => [
        settings.name,
        {
          send: makeSender(settings, dependencies),
          retrySeconds: settings.retry,
          concurrency: settings.concurrency,
        },
      ]),
    ),
    archive: openArchive(deliver, process.env),
    archiveAfterSeconds: deliver.archive_after,
  };
}

function destinationOf(settings: DeliverySettings): Destination & DestinationLimits {
  const { name, retry, concurrency, rate, burst } = settings;
  return {
    destination: name,
    filter: filterOf(settings),
    orderKey: orderPointerOf(settings),
    maxAttempts: retry.length + 1,
    concurrency,
    pace: rate === 0 ? null : { rate, burst },
  };
}

/**
 * Declares the destinations, records the index's own events, and delivers all that is recorded.
 * @param name the worker's name in history
 */
export async function startDeliveries(
  config: Config,
  { database, store }: Resources,
  first: Receivers,
  name: string,
): Promise<RunningDeliveries> {
  const declare = ({ declared }: Receivers) =>
    retryConflicts(() =>
      inTransaction(database.sql, READ_COMMITTED, (sql) => declareDestinations(sql, TENANT, declared)),
    );
  const run = (receivers: Receivers): (() => Promise<void>) => {
    const { archive, archiveAfterSeconds: afterSeconds } = receivers;
    const stopping = new AbortController();
    const parts = {
      ...{ database, tenant: TENANT, receivers: receivers.byName, readArchived: makeReadArchived(archive) },
      ...{ now: systemClock.now, stopwatch, random: Math.random },
    };
    const running = receivers.byName.size === 0 ? null : runDeliveries(name, parts, stopping.signal);
    const archiving = archive === null ? null : keepArchiving({ database, tenant: TENANT, archive, afterSeconds });
    return async () => {
      stopping.abort();
      await Promise.all([running, archiving?.stop()]);
    };
  };

  await declare(first);
  let stop = run(first);
  const stopping = new AbortController();
  const { interval_seconds, settle_seconds, max_trades_per_window, windows } = config.aggregate;
  const watching = runWatchers(
    {
      ...{ database, store, tenant: TENANT, now: systemClock.now },
      policy: makePolicy(policySettings(config)),
      targets: targetsOf(publishedPairs(config), windows),
      intervalSeconds: interval_seconds,
      settleSeconds: settle_seconds,
      maxTrades: max_trades_per_window,
    },
    stopping.signal,
  );
  const counting = keepCalling(
    COUNT_SECONDS,
    async () => deliveriesCounted.publish({ counts: await countDeliveries(database.sql, TENANT) }),
    (error) => deliverFailed.publish({ call: "count", error }),
  );
  return {
    reconfigure: async (receivers) => {
      await declare(receivers);
      await stop();
      stop = run(receivers);
    },
    stop: async () => {
      counting.stop();
      stopping.abort();
      await Promise.all([watching, stop()]);
    },
  };
}

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
      feedDeliverMetrics(registry, destinations),
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
