import type { PriceStore, PriceWrite } from "../../cache/store.ts";
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
import type { Computation } from "../compute.ts";
import type { Policy } from "../policy.ts";
import { refreshTarget, writeOf } from "./refresh.ts";
import type { Target } from "./target.ts";

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
  readonly result: Computation | Error;
}

/**
 * Refreshes every target at the boundary `to` and writes what is published in one go. A target that fails is reported
 * and left behind; it never harms another. After `signal` no further target is begun; what was computed is written.
 */
export async function runTick(context: TickContext, to: Micros, signal: AbortSignal): Promise<TickEvent> {
  const started = context.stopwatch();
  const refreshed = await refreshAll(context, to, signal);
  const outcomes = await writeAll(context.store, refreshed);
  const counts = { written: 0, superseded: 0, empty: 0, "below-floor": 0, "unknown-usd-volume": 0, error: 0 };
  for (const [index, outcome] of outcomes.entries()) {
    const event = targetEvent(refreshed[index] as Refreshed, outcome, to);
    counts[event.outcome]++;
    targetDone.publish(event);
  }
  const event = {
    to,
    targets: context.targets.length,
    counts,
    abandoned: context.targets.length - refreshed.length,
    durationSeconds: context.stopwatch() - started,
  };
  tickDone.publish(event);
  return event;
}

async function refreshAll(context: TickContext, to: Micros, signal: AbortSignal): Promise<Refreshed[]> {
  const refreshed: Refreshed[] = [];
  const waiting = context.targets.values();
  const work = async (): Promise<void> => {
    for (const target of waiting) {
      if (signal.aborted) return;
      refreshed.push({ target, result: await refreshOne(context, target, to) });
    }
  };
  await Promise.all(Array.from({ length: context.concurrency }, work));
  return refreshed;
}

async function refreshOne(context: TickContext, target: Target, to: Micros): Promise<Computation | Error> {
  const { database, policy, maxTrades, namedSources } = context;
  try {
    return await refreshTarget(database, policy, target, to, maxTrades, ({ unknownSources = [] }) => {
      for (const source of unknownSources) {
        if (namedSources.has(source)) continue;
        namedSources.add(source);
        unknownSource.publish({ source, pair: target.pair });
      }
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What became of each refreshed target, in their order; one write that fails is that target's failure alone. */
async function writeAll(store: PriceStore, refreshed: readonly Refreshed[]): Promise<(TargetOutcome | Error)[]> {
  const outcomes: (TargetOutcome | Error)[] = [];
  const writes: { index: number; write: PriceWrite }[] = [];
  for (const [index, { target, result }] of refreshed.entries()) {
    const write = result instanceof Error ? null : writeOf(target, result);
    if (write !== null) writes.push({ index, write });
    outcomes[index] = result instanceof Error ? result : (result.refusal ?? "written");
  }
  const written = await store.publish(writes.map(({ write }) => write));
  for (const [position, { index }] of writes.entries()) outcomes[index] = written[position] ?? new Error("not written");
  return outcomes;
}

function targetEvent({ target, result }: Refreshed, outcome: TargetOutcome | Error, to: Micros): TargetEvent {
  const computed = result instanceof Error ? null : result;
  return {
    ...target,
    to,
    outcome: outcome instanceof Error ? "error" : outcome,
    value: computed?.value ?? null,
    dropped: computed?.dropped ?? { class: 0, outlier: 0 },
    usdVolumeKnown: computed?.usdVolumeKnown ?? true,
    error: outcome instanceof Error ? outcome : null,
  };
}
