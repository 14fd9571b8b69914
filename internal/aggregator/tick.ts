import { confidenceKey, twapKey, vwapKey, withheldKey } from "../cache/keys.ts";
import type { PriceStore, PriceWrite } from "../cache/store.ts";
import { bucketEndingAt } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import type { PublishedValue } from "../canonical/published.ts";
import { serializePublished } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import { REFUSALS, type Refusal, serializeWithheld, type WithheldValue } from "../canonical/withheld.ts";
import { asError } from "../lib/as-error.ts";
import type { Computation } from "../policy/compute.ts";
import type { Triangulation } from "../policy/routes/triangulation.ts";
import { withheldValue } from "../policy/withheld-value.ts";
import type { Assignment } from "./assignment.ts";
import {
  type TargetEvent,
  type TargetOutcome,
  type TickEvent,
  targetDone,
  tickDone,
  triangulationDone,
  unknownSource,
  valuesWritten,
} from "./events.ts";
import { type CompanionValues, type RefreshContext, type Refreshed, refreshTargets } from "./refresh.ts";
import { waitForReplay } from "./replay-wait.ts";
import type { Target } from "./target.ts";

/** The dependencies of ticks. */
export interface TickContext extends Omit<RefreshContext, "onUnknownSources"> {
  readonly store: PriceStore;
  readonly targets: readonly Target[];
  /** Decides which of the targets this aggregator computes. */
  readonly assignment: Assignment;
  /** Unknown sources that have been reported. */
  readonly namedSources: Set<string>;
  readonly now: () => Micros;
}

/** The result of a target: a value to write, or why there is none. */
type Result = PublishedValue | WithheldValue | Error;

interface TargetResult {
  readonly value: PublishedValue | null;
  readonly outcome: TargetOutcome;
  readonly error: Error | null;
}

/**
 * Refreshes this aggregator's targets at the boundary `to` and publishes the values in one call of the store. A failing
 * target is reported and does not affect others. Nothing is computed if the store is unavailable, or if the database is
 * a standby that may lack trades. After `signal` aborts, no further target is started; computed values are still
 * written.
 */
export async function runTick(context: TickContext, to: Micros, signal: AbortSignal): Promise<TickEvent> {
  const { store, assignment, stopwatch, now } = context;
  const started = stopwatch();
  const refusals = Object.fromEntries(REFUSALS.map((refusal) => [refusal, 0])) as Record<Refusal, number>;
  const counts = { written: 0, superseded: 0, ...refusals, error: 0 };
  const done = (rest: Pick<TickEvent, "targets" | "abandoned" | "lost" | "error">): TickEvent => {
    const event = { to, counts, ...rest, durationSeconds: stopwatch() - started, endedAt: now() };
    tickDone.publish(event);
    return event;
  };

  let targets: readonly Target[];
  try {
    // A tick needs both the database and the store.
    await Promise.all([waitForReplay(context.database, context.replayWait, now, to, signal), store.ping()]);
    targets = await assignment.claim(context.targets, to);
  } catch (error) {
    counts.error = context.targets.filter(({ pair }) => assignment.holds(pair)).length;
    assignment.release();
    return done({ targets: counts.error, abandoned: 0, lost: 0, error: asError(error) });
  }
  const onUnknownSources = (sources: readonly string[], pair: Pair): void =>
    reportUnknownSources(context, sources, pair);
  const refreshed = await refreshTargets({ ...context, onUnknownSources }, targets, to, signal);
  const results = await resultsOf(context, refreshed, to);
  const outcomes = await writeResults(context, to, results, refreshed);
  for (const [target, { outcome, value, error }] of outcomes) {
    const { own, triangulation, lastTrade } = refreshed.get(target) as Refreshed;
    counts[outcome]++;
    reportTriangulation(target, to, triangulation);
    targetDone.publish({ ...target, to, outcome, value, error, lastTrade, ...findingsOf(own) });
  }
  return done({
    targets: targets.length,
    abandoned: targets.length - refreshed.size,
    lost: refreshed.size - results.size,
    error: null,
  });
}

/** Returns the results, without targets that another aggregator took over while this process was suspended. */
async function resultsOf(
  { assignment, policy }: Pick<TickContext, "assignment" | "policy">,
  refreshed: ReadonlyMap<Target, Refreshed>,
  to: Micros,
): Promise<Map<Target, Result>> {
  const targets = [...refreshed.keys()];
  try {
    const ours = await assignment.confirm(targets, to);
    return new Map(ours.map((target) => [target, resultOf(policy, target, to, refreshed.get(target) as Refreshed)]));
  } catch (error) {
    return new Map(targets.map((target) => [target, asError(error)]));
  }
}

function reportUnknownSources({ namedSources }: TickContext, sources: readonly string[], pair: Pair): void {
  for (const source of sources) {
    if (namedSources.has(source)) continue;
    namedSources.add(source);
    unknownSource.publish({ source, pair });
  }
}

function resultOf(
  policy: TickContext["policy"],
  { pair, windowSeconds }: Target,
  to: Micros,
  { own, triangulation }: Refreshed,
): Result {
  if (own instanceof Error) return own;
  if (triangulation instanceof Error) return triangulation;
  if (triangulation?.outcome === "ok") return triangulation.value;
  return own.value ?? withheldValue({ own, triangulation }, policy, pair, bucketEndingAt(to, windowSeconds));
}

function reportTriangulation(target: Target, to: Micros, found: Triangulation | Error | null): void {
  // A withheld inverted market is reported as the target's outcome.
  if (found === null || (!(found instanceof Error) && found.outcome === "withheld")) return;
  const event = { ...target, to, leg: null, fxFallbacks: 0 };
  if (found instanceof Error) triangulationDone.publish({ ...event, outcome: "error" });
  else if (found.outcome === "ok") {
    const fxFallbacks = found.legs.filter(({ isFallback }) => isFallback).length;
    triangulationDone.publish({ ...event, outcome: "ok", fxFallbacks });
  } else triangulationDone.publish({ ...event, outcome: found.outcome, leg: found.leg });
}

/** Returns the store write of a target's value; its TTL is the window's length. */
function writeOf({ pair, windowSeconds }: Target, value: PublishedValue): PriceWrite {
  return {
    key: vwapKey(pair, windowSeconds),
    value: serializePublished(value),
    to: value.to,
    ttlSeconds: windowSeconds,
    provenance: value.provenance,
  };
}

/** Returns the store write of what accompanies a target's value or stands in its place, with the same TTL. */
function companionWrite({ windowSeconds }: Target, to: string, key: string, value: string): PriceWrite {
  return { key, value, to, ttlSeconds: windowSeconds, isCompanion: true };
}

/** Returns the store writes of the companion values. */
function companionWrites(target: Target, { to }: PublishedValue, companions: CompanionValues | null): PriceWrite[] {
  const { pair, windowSeconds } = target;
  const { confidence = null, twap = null } = companions ?? {};
  return [
    ...(confidence === null ? [] : [companionWrite(target, to, confidenceKey(pair, windowSeconds), confidence)]),
    ...(twap === null ? [] : [companionWrite(target, to, twapKey(pair, windowSeconds), twap)]),
  ];
}

/** Returns the store write of why a target has no value. */
function withheldWrite(target: Target, withheld: WithheldValue): PriceWrite {
  const key = withheldKey(target.pair, target.windowSeconds);
  return companionWrite(target, withheld.to, key, serializeWithheld(withheld));
}

/** Writes the values among the results and returns each target's outcome; a failed write affects only its target. */
async function writeResults(
  { store, stopwatch, now }: TickContext,
  to: Micros,
  results: ReadonlyMap<Target, Result>,
  refreshed: ReadonlyMap<Target, Refreshed>,
): Promise<Map<Target, TargetResult>> {
  const settled = new Map<Target, TargetResult>();
  const writes: [Target, PublishedValue][] = [];
  const companions: PriceWrite[] = [];
  for (const [target, result] of results) {
    if (result instanceof Error) settled.set(target, { outcome: "error", value: null, error: result });
    else if ("reason" in result) {
      settled.set(target, { outcome: result.reason, value: null, error: null });
      companions.push(withheldWrite(target, result));
    } else {
      writes.push([target, result]);
      companions.push(...companionWrites(target, result, refreshed.get(target)?.companions ?? null));
    }
  }
  const started = stopwatch();
  // Companion values come first, so that they are stored before the price is announced.
  const all = await store.publish([...companions, ...writes.map(([target, value]) => writeOf(target, value))]);
  const outcomes = all.slice(companions.length);
  const took = stopwatch() - started;
  for (const [index, [target, value]] of writes.entries()) {
    const outcome = outcomes[index] ?? new Error("not written");
    settled.set(
      target,
      outcome instanceof Error ? { outcome: "error", value, error: outcome } : { outcome, value, error: null },
    );
  }
  if (writes.length > 0) {
    valuesWritten.publish({
      to,
      written: outcomes.filter((outcome) => outcome === "written").length,
      superseded: outcomes.filter((outcome) => outcome === "superseded").length,
      errors: outcomes.filter((outcome) => outcome instanceof Error).length,
      seconds: took,
      lagSeconds: Number(now() - to) / 1e6,
    });
  }
  return settled;
}

function findingsOf(own: Computation | Error): Pick<TargetEvent, "dropped" | "usdVolumeKnown"> {
  if (own instanceof Error) return { dropped: { class: 0, outlier: 0 }, usdVolumeKnown: true };
  return { dropped: own.dropped, usdVolumeKnown: own.usdVolumeKnown };
}
