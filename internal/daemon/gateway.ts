import { resolve } from "node:path";
import type { LoadedConfig } from "../config/load.ts";
import { type Config, policySettings } from "../config/schema.ts";
import { type AccessControlled, withAccessControl } from "../http/access-control.ts";
import type { KeySettings } from "../http/keys.ts";
import { logRequests } from "../http/log.ts";
import { makeRateLimiter } from "../http/rate-limit.ts";
import { type Listening, listen } from "../http/server.ts";
import { createGatewayApp, type GatewaySettings } from "../ingest/gateway/app.ts";
import { keyScopes } from "../ingest/gateway/key-scopes.ts";
import { logGatewayEvents } from "../ingest/gateway/log.ts";
import { feedGatewayMetrics } from "../ingest/gateway/metrics.ts";
import { problemOf } from "../ingest/gateway/problems.ts";
import { type GatewayService, startGateway } from "../ingest/gateway/service.ts";
import type { Journal } from "../ingest/journal/journal.ts";
import { openJournalIn } from "../ingest/journal/open.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { keepProbing } from "../lib/probe.ts";
import { createLogger } from "../obs/logger.ts";
import { makePolicy } from "../policy/policy.ts";
import { type Database, pingDatabase } from "../storage/connection/database.ts";
import { databaseCheck } from "./health.ts";
import type { HealthCheck } from "./ops-app.ts";
import { type Hangups, reloadOnHangup } from "./reload.ts";
import { feedReloadMetrics } from "./reload-metrics.ts";
import { runDaemon } from "./run-daemon.ts";
import { aborted } from "./stop-signal.ts";

const MEGABYTE = 1_000_000;
const SEGMENT_BYTES = 16 * MEGABYTE;

/** Opens the configured journal. @throws JournalUnusable with the fix */
export function openConfiguredJournal({ gateway }: Pick<Config, "gateway">): Promise<Journal> {
  const maxBytes = gateway.journal_max_mb * MEGABYTE;
  return openJournalIn(resolve(gateway.journal), { maxBytes, segmentBytes: SEGMENT_BYTES }, systemClock.now);
}

/** Starts the gateway of a configuration; it does not listen. */
export function startConfiguredGateway(config: Config, database: Database, journal: Journal | null): GatewayService {
  const { quarantine_max_mb, quarantine_max_age: maxAgeSeconds } = config.gateway;
  return startGateway({
    database,
    journal,
    policy: makePolicy(policySettings(config)),
    quarantine: { maxBytes: quarantine_max_mb * MEGABYTE, maxAgeSeconds },
    now: systemClock.now,
    stopwatch,
  });
}

/** Returns the gateway's app with access control. */
export function gatewayAccess(
  { gateway }: Pick<Config, "gateway">,
  service: GatewayService,
  { isOpen }: Pick<GatewaySettings, "isOpen">,
): AccessControlled {
  const { max_in_flight: maxInFlight, request_timeout_seconds: requestTimeoutSeconds } = gateway;
  const keys = gateway.keys.map(
    ({ name, hash, ...rights }): KeySettings => ({ name, hash, scopes: keyScopes(rights) }),
  );
  return withAccessControl(
    createGatewayApp(service, { maxInFlight, requestTimeoutSeconds, isOpen }, stopwatch),
    { keys, rateLimitPerMinute: 0, trustedProxies: [], corsOrigins: [] },
    { server: "gateway", limiter: makeRateLimiter(stopwatch, null), stopwatch, problemOf },
  );
}

/** Returns a check of the journal: degraded while it holds records, unhealthy where it could not be written. */
export function journalCheck(journal: Journal): HealthCheck {
  return async () => {
    const { depth, oldest, trouble } = journal.state();
    if (trouble !== null) return trouble.message;
    if (oldest === null) return null;
    const age = Number((systemClock.now() - oldest) / 1_000_000n);
    return { degraded: `${depth} records wait for the database, the oldest for ${age} s` };
  };
}

/** Runs the gateway as a daemon of its own, with reloads at SIGHUP, until the signal aborts. */
export async function runGatewayDaemon(
  loaded: LoadedConfig,
  hangups: Hangups,
  { database, journal }: { readonly database: Database; readonly journal: Journal },
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const log = createLogger(config.log.level, "gateway");
  const cooldown = config.database.breaker_cooldown_seconds;
  await runDaemon({ database, store: null }, log, {
    feeds: (registry) => [
      logGatewayEvents(log),
      logRequests(log),
      feedGatewayMetrics(registry, journal.state),
      feedReloadMetrics(registry),
      keepProbing(database.breaker, cooldown, () => pingDatabase(database)),
    ],
    readiness: {
      checks: {
        database: databaseCheck(database, () => config.aggregate.settle_seconds),
        journal: journalCheck(journal),
      },
      oneOf: ["database", "journal"],
    },
    opsAddress: { ...config.gateway.ops_listen, key: "gateway.ops_listen" },
    run: async (ops) => {
      const service = startConfiguredGateway(config, database, journal);
      const gateway = await serveGateway(config, service).catch(async (error: unknown) => {
        await service.stop();
        throw error;
      });
      const reload = reloadOnHangup(hangups, loaded, "gateway", log, {
        refuse: () => {},
        apply: (next) => {
          log.level = next.log.level;
          gateway.reconfigure(next);
        },
      });
      if (config.gateway.keys.length === 0) {
        log.warn(
          "nobody may send trades or events: the configuration has no [[gateway.keys]]; see stellarindex key --gateway",
        );
      }
      const addresses = { gateway: `http://${gateway.host}:${gateway.port}`, ops: `http://${ops.host}:${ops.port}` };
      const { depth } = journal.state();
      log.info({ ...addresses, keys: config.gateway.keys.length, journal_records: depth }, "gateway started");
      await aborted(signal);
      await gateway.close();
      await service.stop();
      reload.stop();
    },
  });
  log.info("gateway stopped");
}

async function serveGateway(
  config: Config,
  service: GatewayService,
): Promise<Listening & { readonly reconfigure: (config: Config) => void }> {
  let served = gatewayAccess(config, service, { isOpen: false });
  const listening = await listen(
    { fetch: (request, env) => served.fetch(request, env), answerError: served.answerError },
    { ...config.gateway.listen, key: "gateway.listen" },
    { requestTimeoutSeconds: config.gateway.request_timeout_seconds },
  );
  return {
    ...listening,
    reconfigure: (next) => {
      served = gatewayAccess(next, service, { isOpen: false });
    },
  };
}
