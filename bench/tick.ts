import { CLOSING } from "../internal/aggregate/orchestrator/closing.testing.ts";
import type { RefreshContext } from "../internal/aggregate/orchestrator/refresh.ts";
import { EVERYTHING } from "../internal/aggregate/orchestrator/replicas.ts";
import type { Target } from "../internal/aggregate/orchestrator/target.ts";
import { runTick } from "../internal/aggregate/orchestrator/tick.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type PolicySettings } from "../internal/aggregate/policy.ts";
import { openStore } from "../internal/cache/store.ts";
import { stopwatch, systemClock } from "../internal/obs/clock.ts";
import type { TickEvent } from "../internal/obs/events.ts";
import type { Database } from "../internal/storage/database.ts";
import { BENCH_TO } from "./trades.ts";

/** The windows of a target's pair, in seconds. */
export const WINDOWS = [300, 3600, 86_400];

/** A policy that publishes whatever trades. */
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
    closing: CLOSING,
    stopwatch,
    onUnknownSources: () => {},
  };
}

/** A whole tick: every target computed, and written to a store in memory. */
export function tickOf(
  database: Database,
  targets: readonly Target[],
  settings: Partial<PolicySettings> = {},
): () => Promise<TickEvent> {
  const context = {
    ...refreshContext(database, settings),
    targets,
    store: openStore({ url: "memory:", key_prefix: "" }),
    share: EVERYTHING,
    namedSources: new Set<string>(),
    now: systemClock.now,
  };
  return () => runTick(context, BENCH_TO, new AbortController().signal);
}
