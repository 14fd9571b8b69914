import type { Registry } from "prom-client";
import type { ApiContext } from "../api/context.ts";
import { problemOf } from "../api/failure.ts";
import { logApiEvents } from "../api/log.ts";
import { feedApiMetrics } from "../api/metrics.ts";
import { createApi } from "../api/v1/api.ts";
import { makeAppState } from "../api/v1/service.ts";
import { openSharedCounts } from "../cache/redis/shared-counts.ts";
import type { LoadedConfig } from "../config/load.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { type Config, policySettings } from "../config/schema.ts";
import { refuseUnsharedStores } from "../config/shared-stores.ts";
import { type AccessControlled, withAccessControl } from "../http/access-control.ts";
import { logRequests } from "../http/log.ts";
import { makeRateLimiter, WINDOW_SECONDS } from "../http/rate-limit.ts";
import { type Listening, listen } from "../http/server.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { createLogger, type Logger } from "../obs/logger.ts";
import { makePolicy } from "../policy/policy.ts";
import { databaseCheck, storeCheck } from "./health.ts";
import { type Hangups, reloadOnHangup } from "./reload.ts";
import { feedReloadMetrics } from "./reload-metrics.ts";
import { probeCircuits, type Resources } from "./resources.ts";
import { type Feed, runDaemon } from "./run-daemon.ts";
import { aborted } from "./stop-signal.ts";

/** Returns the API's dependencies and settings for a configuration. */
export function apiContext(config: Config, { database, store }: Resources): ApiContext {
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
      requestTimeoutSeconds: api.request_timeout_seconds,
      maxInFlight: api.max_in_flight,
      maxComputations: config.database.max_connections,
      keys: api.require_key ? "required" : api.keys.length > 0 ? "accepted" : "none",
    },
    now: systemClock.now,
    stopwatch,
  };
}

/** A listening API. */
export interface ServedApi extends Listening {
  /** Applies another configuration to later requests; the address and the database stay the same. */
  readonly reconfigure: (config: Config) => void;
}

/** Something else that is served at the address of the API. */
export interface ServedBeside {
  /** Returns whether it answers requests of a path. */
  readonly isOwn: (path: string) => boolean;
  readonly access: AccessControlled;
}

/** Serves the API at `[api] listen`, with access control. */
export async function serveApi(
  config: Config,
  resources: Resources,
  beside: ServedBeside | null = null,
): Promise<ServedApi> {
  const { redis, api } = config;
  const shared = redis.url === "memory:" ? null : openSharedCounts(redis, WINDOW_SECONDS);
  const limiter = makeRateLimiter(stopwatch, shared);
  const state = makeAppState(apiContext(config, resources));

  function servedUnder(next: Config): AccessControlled {
    const { keys, rate_limit_per_minute, trusted_proxies, cors_origins } = next.api;
    return withAccessControl(
      createApi(apiContext(next, resources), state),
      {
        keys,
        rateLimitPerMinute: rate_limit_per_minute,
        trustedProxies: trusted_proxies,
        corsOrigins: cors_origins,
      },
      { server: "api", limiter, stopwatch, problemOf },
    );
  }

  let served = servedUnder(config);
  const closeShared = async (): Promise<void> => shared?.close();
  try {
    const listening = await listen(
      {
        fetch: (request, env) => {
          const [path = ""] = (env.incoming.url ?? "").split("?");
          return (beside?.isOwn(path) ? beside.access : served).fetch(request, env);
        },
        answerError: served.answerError,
      },
      { ...api.listen, key: "api.listen" },
      { requestTimeoutSeconds: api.request_timeout_seconds },
    );
    return {
      ...listening,
      close: () => listening.close().finally(closeShared),
      reconfigure: (next) => {
        served = servedUnder(next);
      },
    };
  } catch (error) {
    await closeShared();
    throw error;
  }
}

/** Subscribes metrics and log lines to the API's events. */
export function apiFeeds(registry: Registry, log: Logger): readonly Feed[] {
  return [feedApiMetrics(registry), logApiEvents(log), logRequests(log)];
}

/** Runs the API as a daemon of its own, with reloads at SIGHUP, until the signal aborts. */
export async function runApiDaemon(
  loaded: LoadedConfig,
  hangups: Hangups,
  resources: Resources,
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const { database, store } = resources;
  const log = createLogger(config.log.level, "api");
  await runDaemon(resources, log, {
    feeds: (registry) => [...apiFeeds(registry, log), feedReloadMetrics(registry), ...probeCircuits(config, resources)],
    readiness: {
      checks: { database: databaseCheck(database, () => config.aggregate.settle_seconds), redis: storeCheck(store) },
      oneOf: ["database", "redis"],
    },
    opsAddress: { ...config.api.ops_listen, key: "api.ops_listen" },
    run: async (ops) => {
      const api = await serveApi(config, resources);
      const reload = reloadOnHangup(hangups, loaded, "api", log, {
        refuse: refuseUnsharedStores,
        apply: (next) => {
          api.reconfigure(next);
          log.level = next.log.level;
        },
      });
      const addresses = { api: `http://${api.host}:${api.port}`, ops: `http://${ops.host}:${ops.port}` };
      log.info({ ...addresses, policy: makePolicy(policySettings(config)).id }, "api started");
      await aborted(signal);
      await api.close();
      reload.stop();
    },
  });
  log.info("api stopped");
}
