import type { PriceStore } from "../../cache/store.ts";
import { asError } from "../../canonical/as-error.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import type { Micros } from "../../canonical/time.ts";
import {
  type TargetEvent,
  type TargetOutcome,
  type TickEvent,
  targetDone,
  tickDone,
  unknownSource,
} from "../../obs/events.ts";
import type { Database } from "../../storage/database.ts";
import { pairIdentity } from "../aliases.ts";
import type { Computation, Refusal } from "../compute.ts";
import type { Policy } from "../policy.ts";
import { concurrently } from "./concurrently.ts";
import { refreshTarget, writeOf } from "./refresh.ts";
import type { Target } from "./target.ts";
import { triangulateTargets } from "./triangulate-targets.ts";

/** What ticks work with; the same for all of them. */
export interface TickContext {
  readonly database: Database;
  readonly store: PriceStore;
  readonly policy: Policy;
  readonly targets: readonly Target[];
  /** Targets in flight at once. */
  readonly concurrency: number;
  /** Raw trades one refresh may pull into the process. */
  readonly maxTrades: number;
  /** Unknown sources already named. */
  readonly namedSources: Set<string>;
  /** Seconds on a clock that only goes forward. */
  readonly stopwatch: () => number;
}

interface Refreshed {
  readonly target: Target;
  /** Of the target's own trades. */
  readonly own: Computation | Error;
}

/** What a target has come to: a value that is to be written, or why there is none. */
type Result = PublishedValue | Refusal | Error;

interface Settled {
  readonly value: PublishedValue | null;
  readonly outcome: TargetOutcome;
  readonly error: Error | null;
}

/**
 * Refreshes every target at the boundary `to` from its own trades and writes what is published in one go; then the targets
 * without a value that have one through other markets, in another. A target that fails is reported and left behind; it
 * never harms another. After `signal` no further target is begun; what was computed is written.
 */
export async function runTick(context: TickContext, to: Micros, signal: AbortSignal): Promise<TickEvent> {
  const started = context.stopwatch();
  const refreshed = await refreshAll(context, to, signal);
  const settled = await settle(context.store, new Map(refreshed.map(({ target, own }) => [target, resultOf(own)])));
  const { results, abandoned } = await triangulateAll(context, refreshed, to, signal);
  for (const [target, result] of await settle(context.store, results)) settled.set(target, result);

  const counts = { written: 0, superseded: 0, empty: 0, "below-floor": 0, "unknown-usd-volume": 0, error: 0 };
  const done = refreshed.filter(({ target }) => !abandoned.has(target));
  for (const { target, own } of done) {
    const { outcome, value, error } = settled.get(target) as Settled;
    counts[outcome]++;
    targetDone.publish({ ...target, to, outcome, value, error, ...findingsOf(own) });
  }
  const event = {
    to,
    targets: context.targets.length,
    counts,
    abandoned: context.targets.length - done.length,
    durationSeconds: context.stopwatch() - started,
  };
  tickDone.publish(event);
  return event;
}

async function refreshAll(context: TickContext, to: Micros, signal: AbortSignal): Promise<Refreshed[]> {
  const refreshed: Refreshed[] = [];
  await concurrently(context.targets, context.concurrency, signal, async (target) => {
    refreshed.push({ target, own: await refreshOne(context, target, to).catch(asError) });
  });
  return refreshed;
}

function refreshOne(context: TickContext, target: Target, to: Micros): Promise<Computation> {
  const { database, policy, maxTrades, namedSources } = context;
  return refreshTarget(database, policy, target, to, maxTrades, ({ unknownSources = [] }) => {
    for (const source of unknownSources) {
      if (namedSources.has(source)) continue;
      namedSources.add(source);
      unknownSource.publish({ source, pair: target.pair });
    }
  });
}

interface Triangulated {
  /** Of the targets that other markets give a value, or whose way through them failed. */
  readonly results: ReadonlyMap<Target, PublishedValue | Error>;
  /** Those that were not begun because of a stop: whether they have a value is not known. */
  readonly abandoned: ReadonlySet<Target>;
}

async function triangulateAll(
  context: TickContext,
  refreshed: readonly Refreshed[],
  to: Micros,
  signal: AbortSignal,
): Promise<Triangulated> {
  const { policy } = context;
  const unpriced = refreshed.flatMap(({ target, own }) =>
    own instanceof Error || own.value !== null ? [] : [{ target, own }],
  );
  const results = new Map<Target, PublishedValue | Error>();
  if (!policy.triangulation || unpriced.length === 0) return { results, abandoned: new Set() };

  const nameOf = ({ pair, windowSeconds }: Target) => `${pairIdentity(pair, policy.aliases)} ${windowSeconds}`;
  const known = new Map(refreshed.map(({ target, own }) => [nameOf(target), own]));
  const ownOf = async (target: Target): Promise<Computation> => {
    const own = known.get(nameOf(target)) ?? (await refreshOne(context, target, to));
    if (own instanceof Error) throw own;
    return own;
  };
  const outcomes = await triangulateTargets(context, unpriced, ownOf, to, signal);
  for (const [target, found] of outcomes) {
    if (found instanceof Error) results.set(target, found);
    else if (found?.outcome === "ok") results.set(target, found.value);
  }
  const abandoned = unpriced.flatMap(({ target }) => (outcomes.has(target) ? [] : [target]));
  return { results, abandoned: new Set(abandoned) };
}

function resultOf(own: Computation | Error): Result {
  return own instanceof Error ? own : (own.value ?? own.refusal ?? "empty");
}

/** Writes the values among the results; one write that fails is that target's failure alone. */
async function settle(store: PriceStore, results: ReadonlyMap<Target, Result>): Promise<Map<Target, Settled>> {
  const settled = new Map<Target, Settled>();
  const writes: [Target, PublishedValue][] = [];
  for (const [target, result] of results) {
    if (typeof result === "string") settled.set(target, { outcome: result, value: null, error: null });
    else if (result instanceof Error) settled.set(target, { outcome: "error", value: null, error: result });
    else writes.push([target, result]);
  }
  const outcomes = await store.publish(writes.map(([target, value]) => writeOf(target, value)));
  for (const [index, [target, value]] of writes.entries()) {
    const outcome = outcomes[index] ?? new Error("not written");
    settled.set(
      target,
      outcome instanceof Error ? { outcome: "error", value, error: outcome } : { outcome, value, error: null },
    );
  }
  return settled;
}

function findingsOf(own: Computation | Error): Pick<TargetEvent, "dropped" | "usdVolumeKnown"> {
  if (own instanceof Error) return { dropped: { class: 0, outlier: 0 }, usdVolumeKnown: true };
  return { dropped: own.dropped, usdVolumeKnown: own.usdVolumeKnown };
}
