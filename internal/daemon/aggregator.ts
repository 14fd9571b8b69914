import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Registry } from "prom-client";
import { ALL_TARGETS, type Assignment, assignmentByLeases } from "../aggregator/assignment.ts";
import { logAggregatorEvents } from "../aggregator/log.ts";
import { feedAggregatorMetrics } from "../aggregator/metrics.ts";
import { feedPriceMetrics } from "../aggregator/price-metrics.ts";
import { runSchedule, type Timing } from "../aggregator/schedule.ts";
import { targetsOf } from "../aggregator/target.ts";
import { runTick, type TickContext } from "../aggregator/tick.ts";
import { openLeases } from "../cache/redis/leases.ts";
import type { PriceStore } from "../cache/store.ts";
import type { LoadedConfig } from "../config/load.ts";
import { publishedPairs } from "../config/published-pairs.ts";
import { type Config, policySettings } from "../config/schema.ts";
import { refuseUnsharedStores } from "../config/shared-stores.ts";
import { logDivergenceEvents } from "../divergence/log.ts";
import { feedDivergenceMetrics } from "../divergence/metrics.ts";
import { createDivergenceService, type DivergenceContext } from "../divergence/service.ts";
import { stopwatch, systemClock } from "../lib/clock.ts";
import { createLogger, type Logger } from "../obs/logger.ts";
import { makePolicy } from "../policy/policy.ts";
import { databaseCheck, lastTickCheck, storeCheck } from "./health.ts";
import type { Readiness } from "./ops-app.ts";
import { divergenceContext } from "./references.ts";
import { type Hangups, reloadOnHangup } from "./reload.ts";
import { feedReloadMetrics } from "./reload-metrics.ts";
import { probeCircuits, type Resources } from "./resources.ts";
import { type Feed, runDaemon } from "./run-daemon.ts";

/** The aggregator's contexts for one configuration; a reload replaces them. */
export interface AggregatorRuntime {
  readonly timing: Timing;
  readonly ticks: TickContext;
  readonly divergence: DivergenceContext;
}

/** Returns the runtime for a configuration. */
export function aggregatorRuntime(config: Config, resources: Resources, assignment: Assignment): AggregatorRuntime {
  const { interval_seconds, settle_seconds } = config.aggregate;
  const ticks = tickContext(config, resources, assignment);
  return {
    timing: { intervalSeconds: interval_seconds, settleSeconds: settle_seconds },
    ticks,
    divergence: divergenceContext(config, ticks.policy, resources),
  };
}

/** Returns the context of ticks for a configuration. */
export function tickContext(config: Config, { database, store }: Resources, assignment: Assignment): TickContext {
  return {
    database,
    store,
    policy: makePolicy(policySettings(config)),
    targets: targetsOf(publishedPairs(config), config.aggregate.windows),
    concurrency: config.aggregate.concurrency,
    maxTrades: config.aggregate.max_trades_per_window,
    precomputeTwap: config.aggregate.precompute_twap,
    replayWait: {
      settleSeconds: config.aggregate.settle_seconds,
      // At most half of the interval waits for replay; the other half is for computing.
      replaySeconds: Math.floor(config.aggregate.interval_seconds / 2),
      sleepUntil: systemClock.sleepUntil,
    },
    assignment,
    namedSources: new Set(),
    now: systemClock.now,
    stopwatch,
  };
}

/**
 * Runs ticks, and comparisons with references between them, until the signal aborts; returns once the last of both has
 * ended. Each tick and comparison uses the runtime that is `current` when it begins.
 */
export async function runAggregator(current: () => AggregatorRuntime, signal: AbortSignal): Promise<void> {
  const divergence = createDivergenceService(() => current().divergence, signal);
  await runSchedule({
    timing: () => current().timing,
    clock: systemClock,
    signal,
    tick: async (to) => {
      const { ticks } = current();
      await runTick(ticks, to, signal);
      divergence.start(to, ticks.assignment.holds);
    },
  });
  await divergence.settle();
  await current().ticks.assignment.leave();
}

/** Returns the assignment of targets to this process: all targets, or those whose leases it owns. */
export function openAssignment(
  { aggregate, redis }: Config,
  { breaker }: PriceStore,
  intervalSeconds: () => number = () => aggregate.interval_seconds,
): Assignment {
  // A store in memory cannot be shared with other processes.
  if (aggregate.replicas === "single" || redis.url === "memory:") return ALL_TARGETS;
  const member = `${hostname().replace(/\s/g, "-")}-${process.pid}-${randomBytes(3).toString("hex")}`;
  const leases = openLeases({ url: redis.url, breaker, keyPrefix: redis.key_prefix, member });
  return assignmentByLeases(leases, () => intervalSeconds() * 1000);
}

/** Subscribes metrics and log lines to the aggregator's events. */
export function aggregatorFeeds(registry: Registry, log: Logger): readonly Feed[] {
  return [
    feedAggregatorMetrics(registry),
    feedDivergenceMetrics(registry),
    feedPriceMetrics(registry),
    logAggregatorEvents(log),
    logDivergenceEvents(log),
  ];
}

/** Returns the aggregator's readiness checks: the database, Redis and the last tick. */
export function aggregatorReadiness({ database, store }: Resources, timing: () => Timing): Pick<Readiness, "checks"> {
  return {
    checks: {
      database: databaseCheck(database, () => timing().settleSeconds),
      redis: storeCheck(store),
      tick: lastTickCheck(timing, systemClock.now),
    },
  };
}

/** Runs the aggregator as a daemon of its own, with reloads at SIGHUP, until the signal aborts. */
export async function runAggregatorDaemon(
  loaded: LoadedConfig,
  hangups: Hangups,
  resources: Resources,
  signal: AbortSignal,
): Promise<void> {
  const { config } = loaded;
  const log = createLogger(config.log.level, "aggregator");
  const assignment = openAssignment(config, resources.store, () => current.timing.intervalSeconds);
  let current = aggregatorRuntime(config, resources, assignment);
  await runDaemon(resources, log, {
    feeds: (registry) => [
      ...aggregatorFeeds(registry, log),
      feedReloadMetrics(registry),
      ...probeCircuits(config, resources),
    ],
    readiness: aggregatorReadiness(resources, () => current.timing),
    opsAddress: { ...config.aggregate.ops_listen, key: "aggregate.ops_listen" },
    run: async (ops) => {
      const reload = reloadOnHangup(hangups, loaded, "aggregator", log, {
        refuse: refuseUnsharedStores,
        apply: (next) => {
          // Unknown sources that were reported once are not reported again.
          const { namedSources } = current.ticks;
          const { ticks, ...rest } = aggregatorRuntime(next, resources, assignment);
          current = { ...rest, ticks: { ...ticks, namedSources } };
          log.level = next.log.level;
        },
      });
      const { targets, policy } = current.ticks;
      log.info(
        { targets: targets.length, policy: policy.id, ops: `http://${ops.host}:${ops.port}` },
        "aggregator started",
      );
      signal.addEventListener("abort", () => log.info("stopping"), { once: true });
      await runAggregator(() => current, signal);
      reload.stop();
    },
  });
  log.info("aggregator stopped");
}
