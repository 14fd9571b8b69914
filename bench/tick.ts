import { ALL_TARGETS } from "../internal/aggregator/assignment.ts";
import type { TickEvent } from "../internal/aggregator/events.ts";
import type { RefreshContext } from "../internal/aggregator/refresh.ts";
import { NO_REPLAY_WAIT } from "../internal/aggregator/replay-wait.testing.ts";
import type { Target } from "../internal/aggregator/target.ts";
import { runTick } from "../internal/aggregator/tick.ts";
import { openStore } from "../internal/cache/open-store.ts";
import { stopwatch, systemClock } from "../internal/lib/clock.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "../internal/policy/policy.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { BENCH_TO } from "./trades.ts";

/** The windows of a target's pair, in seconds. */
export const WINDOWS = [300, 3600, 86_400];

/** A policy that publishes every value. */
export function policyWith(settings: Partial<PolicySettings> = {}) {
  return makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0, ...settings });
}

function refreshContext(database: Database, settings: Partial<PolicySettings> = {}): RefreshContext {
  return {
    database,
    policy: policyWith(settings),
    concurrency: 1000,
    maxTrades: 10_000,
    precomputeTwap: false,
    replayWait: NO_REPLAY_WAIT,
    stopwatch,
    onUnknownSources: () => {},
  };
}

/** A whole tick: computes every target and writes it to a store in memory. */
export function tickOf(
  database: Database,
  targets: readonly Target[],
  settings: Partial<PolicySettings> = {},
): () => Promise<TickEvent> {
  const context = {
    ...refreshContext(database, settings),
    targets,
    store: openStore({ url: "memory:", key_prefix: "" }),
    assignment: ALL_TARGETS,
    namedSources: new Set<string>(),
    now: systemClock.now,
  };
  return () => runTick(context, BENCH_TO, new AbortController().signal);
}
