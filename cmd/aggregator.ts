import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Command } from "commander";
import { EVERYTHING, type Share, shareByLeases } from "../internal/aggregate/orchestrator/replicas.ts";
import { runSchedule, type Timing } from "../internal/aggregate/orchestrator/schedule.ts";
import { targetsOf } from "../internal/aggregate/orchestrator/target.ts";
import { runTick, type TickContext } from "../internal/aggregate/orchestrator/tick.ts";
import { makePolicy } from "../internal/aggregate/policy.ts";
import { openLeases } from "../internal/cache/leases.ts";
import { openStore, type PriceStore } from "../internal/cache/store.ts";
import { latestClosed } from "../internal/canonical/bucket.ts";
import { earlierOf, floorTo, formatTime, type Micros, parseTime, seconds } from "../internal/canonical/time.ts";
import type { LoadedConfig } from "../internal/config/load.ts";
import { publishedPairs } from "../internal/config/published-pairs.ts";
import type { Config } from "../internal/config/schema.ts";
import { policySettings } from "../internal/config/schema.ts";
import { refuseUnsharedStores } from "../internal/config/shared-stores.ts";
import { createDivergenceService, type DivergenceContext } from "../internal/divergence/service.ts";
import { feedCircuitMetrics, logCircuitEvents } from "../internal/obs/circuit.ts";
import { stopwatch, systemClock } from "../internal/obs/clock.ts";
import { feedDatabaseMetrics, logDatabaseEvents } from "../internal/obs/database.ts";
import { circuitsOf, databaseCheck, lastTickCheck, storeCheck } from "../internal/obs/health.ts";
import { createLogger, logAggregatorEvents } from "../internal/obs/logging.ts";
import { createRegistry, feedAggregatorMetrics } from "../internal/obs/metrics.ts";
import { listen, opsApp } from "../internal/obs/ops-server.ts";
import { feedPriceMetrics } from "../internal/obs/price-metrics.ts";
import { feedReloadMetrics } from "../internal/obs/reload-metrics.ts";
import type { Database } from "../internal/storage/database.ts";
import { divergenceContext } from "./divergence.ts";
import { catchHangups, type Hangups, reloadOnHangup } from "./reload.ts";
import {
  askDatabase,
  circuitOptions,
  daemonPatience,
  loadConfigOf,
  loadConfigWithWarnings,
  openMigratedDatabase,
  probeCircuits,
} from "./settings.ts";
import { stopSignal } from "./stop-signal.ts";
import { UsageError, usage } from "./usage-error.ts";

const HELP = `
Every interval_seconds, for every pair and window, it computes the volume-weighted average price of the bucket
that has just closed and writes it to Redis, where it lives as long as its window. A pair without a price of its
own gets one through other markets. Beside the ticks it holds the prices against the references of [divergence].
It keeps no state: it can be stopped, killed and started anywhere. Health (/healthz, /readyz) and /metrics are
at [aggregate] ops_listen.

SIGHUP reads the configuration file again. The next tick follows it; the log says which keys were applied and which need
a restart. A file that cannot be used, that lacks a table, key or entry of the last one, or that publishes more, changes
nothing; a restart takes it. The environment of a running process does not change.
`;

/** Adds `aggregator`, the daemon that keeps the values fresh. */
export function addAggregatorCommand(program: Command): void {
  program
    .command("aggregator")
    .description("compute the prices of all targets on a timer and write them to Redis")
    .option("--once", "one tick, for the latest closed boundary, then exit")
    .option("--at <time>", "with --once: the boundary at or before this moment (RFC 3339)")
    .addHelpText("after", HELP)
    .action(async ({ once = false, at }: { once?: boolean; at?: string }, command: Command) => {
      if (at !== undefined && !once) throw new UsageError("--at goes with --once");
      const signal = stopSignal();
      const hangups = catchHangups();
      const loaded = once ? loadConfigOf(command) : loadConfigWithWarnings(command);
      const { config } = loaded;
      refuseUnsharedStores(config);
      const to = once ? boundaryOf(at, config) : null;
      const store = openStore(config.redis, { circuit: circuitOptions("redis", config.redis) });
      const database = await openMigratedDatabase(config.database, daemonPatience(config));
      try {
        if (to === null) await runDaemon(loaded, hangups, database, store, signal);
        else process.exitCode = await runOnce(config, database, store, to, signal);
      } finally {
        await store.close();
        await database.close();
      }
    });
}

/** What every tick under this configuration works with. */
export function tickContext(config: Config, database: Database, store: PriceStore, share: Share): TickContext {
  return {
    database,
    store,
    policy: makePolicy(policySettings(config)),
    targets: targetsOf(publishedPairs(config), config.aggregate.windows),
    concurrency: config.aggregate.concurrency,
    maxTrades: config.aggregate.max_trades_per_window,
    precomputeTwap: config.aggregate.precompute_twap,
    closing: {
      settleSeconds: config.aggregate.settle_seconds,
      // The other half is for computing.
      replaySeconds: Math.floor(config.aggregate.interval_seconds / 2),
      sleepUntil: systemClock.sleepUntil,
    },
    share,
    namedSources: new Set(),
    now: systemClock.now,
    stopwatch,
  };
}

/** What keeps the values fresh under a configuration. */
export interface Upkeep {
  readonly timing: Timing;
  readonly ticks: TickContext;
  readonly divergence: DivergenceContext;
}

export function upkeep(config: Config, database: Database, store: PriceStore, share: Share): Upkeep {
  const { interval_seconds, settle_seconds } = config.aggregate;
  const ticks = tickContext(config, database, store, share);
  return {
    timing: { intervalSeconds: interval_seconds, settleSeconds: settle_seconds },
    ticks,
    divergence: divergenceContext(config, ticks.policy, database, store),
  };
}

/**
 * Ticks until the signal aborts, with a check against references beside, and lets the last of both end. Each tick and
 * check works with what is `current` as it begins.
 */
export async function keepFresh(current: () => Upkeep, signal: AbortSignal): Promise<void> {
  const divergence = createDivergenceService(() => current().divergence, signal);
  await runSchedule({
    timing: () => current().timing,
    clock: systemClock,
    signal,
    tick: async (to) => {
      const { ticks } = current();
      await runTick(ticks, to, signal);
      divergence.start(to, ticks.share.holds);
    },
  });
  await divergence.settle();
  await current().ticks.share.leave();
}

/** Which targets this process computes: all, or its share of them. */
export function openShare(
  { aggregate, redis }: Config,
  { guard }: PriceStore,
  intervalSeconds: () => number = () => aggregate.interval_seconds,
): Share {
  // A store of one process is nobody else's to share.
  if (aggregate.replicas === "single" || redis.url === "memory:") return EVERYTHING;
  const member = `${hostname().replace(/\s/g, "-")}-${process.pid}-${randomBytes(3).toString("hex")}`;
  const leases = openLeases({ url: redis.url, guard, keyPrefix: redis.key_prefix, member });
  return shareByLeases(leases, () => intervalSeconds() * 1000);
}

async function runDaemon(
  loaded: LoadedConfig,
  hangups: Hangups,
  database: Database,
  store: PriceStore,
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const log = createLogger(config.log.level, "aggregator");
  const registry = createRegistry();
  const feeds = [
    feedAggregatorMetrics(registry),
    feedPriceMetrics(registry),
    feedCircuitMetrics(registry),
    feedDatabaseMetrics(registry, () => askDatabase(database)),
    feedReloadMetrics(registry),
    logAggregatorEvents(log),
    logCircuitEvents(log),
    logDatabaseEvents(log),
    ...probeCircuits(config, database, store),
  ];
  const share = openShare(config, store, () => current.timing.intervalSeconds);
  let current = upkeep(config, database, store, share);
  const checks = {
    database: databaseCheck(database, () => current.timing.settleSeconds),
    redis: storeCheck(store),
    tick: lastTickCheck(() => current.timing, systemClock.now),
  };
  const ops = await listen(opsApp(registry, { checks, circuits: circuitsOf(database, store) }), {
    ...config.aggregate.ops_listen,
    key: "aggregate.ops_listen",
  });
  feeds.push(
    reloadOnHangup(hangups, loaded, "aggregator", log, {
      refuse: refuseUnsharedStores,
      apply: (next) => {
        // Sources that were named once are not named again.
        const { namedSources } = current.ticks;
        const { ticks, ...rest } = upkeep(next, database, store, share);
        current = { ...rest, ticks: { ...ticks, namedSources } };
        log.level = next.log.level;
      },
    }),
  );
  log.info(
    { targets: current.ticks.targets.length, policy: current.ticks.policy.id, ops: `http://${ops.host}:${ops.port}` },
    "aggregator started",
  );
  signal.addEventListener("abort", () => log.info("stopping"), { once: true });
  await keepFresh(() => current, signal);
  await ops.close();
  for (const feed of feeds) feed.stop();
  log.info("aggregator stopped");
}

async function runOnce(
  config: Config,
  database: Database,
  store: PriceStore,
  to: Micros,
  signal: AbortSignal,
): Promise<number> {
  const feed = logAggregatorEvents(createLogger(config.log.level, "aggregator"));
  const { counts, abandoned, error } = await runTick(tickContext(config, database, store, EVERYTHING), to, signal);
  feed.stop();
  return error === null && counts.error === 0 && abandoned === 0 ? 0 : 1;
}

/** @throws UsageError where the moment is not closed yet */
function boundaryOf(at: string | undefined, { aggregate }: Config): Micros {
  const { interval_seconds, settle_seconds } = aggregate;
  const latest = latestClosed(systemClock.now(), interval_seconds, settle_seconds);
  if (at === undefined) return latest;
  const moment = usage("--at", () => parseTime(at));
  if (moment > systemClock.now()) throw new UsageError(`--at ${formatTime(moment)} is in the future`);
  return earlierOf(latest, floorTo(moment, seconds(interval_seconds)));
}
