import type { Registry } from "prom-client";
import { declareFeeds, type FeedToDeclare, submitLiveJobs } from "../collect/declare.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { workerFailed } from "../control/events.ts";
import { findIncidents } from "../control/incidents/keeper.ts";
import { logControlEvents } from "../control/log.ts";
import { feedControlMetrics } from "../control/metrics.ts";
import { keepObserving, keepReading } from "../control/observer.ts";
import { keepRescuing } from "../control/rescuer.ts";
import { keepRemovingEnded } from "../control/retention.ts";
import { reconcileSchedules } from "../control/schedules/reconcile.ts";
import { fireDue } from "../control/schedules/scheduler.ts";
import { type EventHub, makeEventHub } from "../control/stream/hub.ts";
import { createControlApp } from "../control/v1/app.ts";
import type { ControlContext } from "../control/v1/context.ts";
import { problemOf } from "../control/v1/problems.ts";
import { withIncluded } from "../control/v1/scopes.ts";
import { type AccessControlled, withAccessControl } from "../http/access-control.ts";
import type { KeySettings } from "../http/keys.ts";
import { logRequests } from "../http/log.ts";
import { makeRateLimiter } from "../http/rate-limit.ts";
import { type Listening, listen } from "../http/server.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { keepCalling } from "../lib/keep-calling.ts";
import { keepProbing } from "../lib/probe.ts";
import { createLogger, type Logger } from "../obs/logger.ts";
import { type Database, pingDatabase } from "../storage/connection/database.ts";
import { removeEndedJobs } from "../storage/control/remove-ended.ts";
import { ensureTenants } from "../storage/control/tenants.ts";
import { configuredFeeds } from "./feeds.ts";
import { databaseCheck } from "./health.ts";
import { ledgerCareOf } from "./ledger-care.ts";
import { type Hangups, reloadOnHangup } from "./reload.ts";
import { feedReloadMetrics } from "./reload-metrics.ts";
import { type Feed, runDaemon } from "./run-daemon.ts";
import { aborted } from "./stop-signal.ts";

const INCIDENT_SECONDS = 15;
const OBSERVER_TIMES = { countSeconds: 15, historySeconds: 5 };
const SCHEDULE_SECONDS = 1;
const LIVE_JOBS_SECONDS = 5;
/** Whose the configured schedules and feeds are. */
const SCHEDULED_TENANT = "default";

/** A listening control API. */
export interface ServedControl extends Listening {
  /**
   * Applies another configuration to later requests; the address and the database stay the same. Tenants and schedules
   * are stored as soon as the database answers.
   */
  readonly reconfigure: (config: Config) => void;
}

/** Returns the dependencies of the control API for a configuration. */
export function controlContext(
  { control, database: { max_connections } }: Config,
  database: Database,
  events: EventHub = makeEventHub(database.sql),
): ControlContext {
  const { request_timeout_seconds: requestTimeoutSeconds, max_in_flight: maxInFlight } = control;
  const settings = { requestTimeoutSeconds, maxInFlight, maxConnections: max_connections };
  return { database, events, stopwatch, settings };
}

/**
 * Serves the control API at `[control] listen`, submits the jobs of schedules, and keeps incidents. The tenants of the keys are created where
 * they do not exist, and the configured schedules stored.
 * @param more keys that the configuration does not have
 */
export async function serveControl(
  config: Config,
  database: Database,
  log: Logger,
  more: readonly KeySettings[] = [],
): Promise<ServedControl> {
  const limiter = makeRateLimiter(stopwatch, null);
  const events = makeEventHub(database.sql);
  function servedUnder(next: Config): AccessControlled {
    const keys = next.control.keys.map((key) => ({ ...key, scopes: withIncluded(key.scopes) }));
    return withAccessControl(
      createControlApp(controlContext(next, database, events)),
      { keys: [...keys, ...more], rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] },
      { server: "control", limiter, stopwatch, problemOf },
    );
  }

  let current = config;
  let feeds: readonly FeedToDeclare[] = configuredFeeds(config);
  let served = servedUnder(current);
  let stored: Config | null = null;
  async function storeCurrent(): Promise<void> {
    if (stored === current) return;
    const next = current;
    const tenants = next.control.keys.map(({ tenant }) => tenant);
    await ensureTenants(database.sql, tenants);
    const others = await reconcileSchedules(database.sql, SCHEDULED_TENANT, configuredSchedules(next));
    if (others.length > 0) {
      const hint = "remove one that nobody needs with: stellarindex control schedules remove NAME";
      log.warn({ schedules: others, hint }, "schedules came from another configuration and stay");
    }
    feeds = configuredFeeds(next);
    await declareFeeds(database, SCHEDULED_TENANT, feeds, next.collect.endpoints, systemClock.now);
    stored = next;
  }

  await storeCurrent();
  const listening = await listen(
    { fetch: (request, env) => served.fetch(request, env), answerError: served.answerError },
    { ...config.control.listen, key: "control.listen" },
    { requestTimeoutSeconds: config.control.request_timeout_seconds },
  );
  const background = [
    keepCalling(
      SCHEDULE_SECONDS,
      () => storeCurrent().then(() => fireDue(database.sql, Math.random)),
      (error) => workerFailed.publish({ call: "schedule", error }),
    ),
    keepRemovingEnded(
      () => current.control.keep_ended_days,
      (days) => removeEndedJobs(database.sql, days),
    ),
    keepCalling(
      LIVE_JOBS_SECONDS,
      () => submitLiveJobs(database, SCHEDULED_TENANT, feeds, current.collect.endpoints),
      (error) => workerFailed.publish({ call: "schedule", error }),
    ),
    keepReading("incidents", INCIDENT_SECONDS, () => findIncidents(database.sql)),
  ];
  return {
    ...listening,
    close: () => {
      events.close();
      for (const { stop } of background) stop();
      return listening.close();
    },
    reconfigure: (next) => {
      served = servedUnder(next);
      current = next;
    },
  };
}

function configuredSchedules({ control }: Config) {
  return control.schedules.map(({ name, kind, payload, cron = null, every = null, time_zone, jitter, ...rules }) => ({
    ...{ name, kind, payload, cron },
    missed: rules.missed,
    overlap: rules.overlap,
    everySeconds: every,
    timeZone: time_zone,
    jitterSeconds: jitter,
  }));
}

/** Subscribes metrics to the requests of the control API, and to what is read of the ledger on timers. */
export function controlMetricsFeeds(registry: Registry, database: Database): readonly Feed[] {
  return [feedControlMetrics(registry), keepObserving(database.sql, OBSERVER_TIMES)];
}

/** Runs the control plane as a daemon of its own, with reloads at SIGHUP, until the signal aborts. */
export async function runControlDaemon(
  loaded: LoadedConfig,
  hangups: Hangups,
  database: Database,
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const log = createLogger(config.log.level, "control");
  const cooldown = config.database.breaker_cooldown_seconds;
  await runDaemon({ database, store: null }, log, {
    feeds: (registry) => [
      logControlEvents(log),
      keepRescuing(ledgerCareOf(database)),
      logRequests(log),
      ...controlMetricsFeeds(registry, database),
      feedReloadMetrics(registry),
      keepProbing(database.breaker, cooldown, () => pingDatabase(database)),
    ],
    readiness: { checks: { database: databaseCheck(database, () => config.aggregate.settle_seconds) } },
    opsAddress: { ...config.control.ops_listen, key: "control.ops_listen" },
    run: async (ops) => {
      const control = await serveControl(config, database, log);
      const reload = reloadOnHangup(hangups, loaded, "control", log, {
        refuse: () => {},
        apply: (next) => {
          log.level = next.log.level;
          control.reconfigure(next);
        },
      });
      if (config.control.keys.length === 0) {
        log.warn(
          "nobody may call the control API: the configuration has no [[control.keys]]; see stellarindex key --control",
        );
      }
      const addresses = { control: `http://${control.host}:${control.port}`, ops: `http://${ops.host}:${ops.port}` };
      log.info({ ...addresses, keys: config.control.keys.length }, "control started");
      await aborted(signal);
      await control.close();
      reload.stop();
    },
  });
  log.info("control stopped");
}
