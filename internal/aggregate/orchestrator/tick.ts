import { confidenceKey, twapKey, vwapKey } from "../../cache/keys.ts";
import type { PriceStore, PriceWrite } from "../../cache/store.ts";
import { asError } from "../../canonical/as-error.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { PublishedValue } from "../../canonical/published.ts";
import { serializePublished } from "../../canonical/published.ts";
import type { Micros } from "../../canonical/time.ts";
import {
  type TargetEvent,
  type TargetOutcome,
  type TickEvent,
  targetDone,
  tickDone,
  triangulationDone,
  unknownSource,
  valuesWritten,
} from "../../obs/events.ts";
import { type Computation, REFUSALS, type Refusal } from "../compute.ts";
import { refusalOf } from "../published-value.ts";
import type { Triangulation } from "../triangulation.ts";
import { type Besides, type RefreshContext, type Refreshed, refreshTargets } from "./refresh.ts";
import type { Share } from "./replicas.ts";
import type { Target } from "./target.ts";
import { untilComplete } from "./until-complete.ts";

/** What ticks work with; the same for all of them. */
export interface TickContext extends Omit<RefreshContext, "onUnknownSources"> {
  readonly store: PriceStore;
  readonly targets: readonly Target[];
  /** Which of the targets are this aggregator's. */
  readonly share: Share;
  /** Unknown sources already named. */
  readonly namedSources: Set<string>;
  readonly now: () => Micros;
}

/** What a target has come to: a value that is to be written, or why there is none. */
type Result = PublishedValue | Refusal | Error;

interface Settled {
  readonly value: PublishedValue | null;
  readonly outcome: TargetOutcome;
  readonly error: Error | null;
}

/**
 * Refreshes the targets that are this aggregator's at the boundary `to` and writes what is published in one go. A target that
 * fails is reported and left behind; it never harms another. Where the store is away, or the database is a standby that may
 * lack trades, nothing is computed. After `signal` no
 * further target is begun; what was computed is written.
 */
export async function runTick(context: TickContext, to: Micros, signal: AbortSignal): Promise<TickEvent> {
  const { store, share, stopwatch, now } = context;
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
    // Without either of them nothing can come of it.
    await Promise.all([untilComplete(context.database, context.closing, now, to, signal), store.ping()]);
    targets = await share.claim(context.targets, to);
  } catch (error) {
    counts.error = context.targets.filter(({ pair }) => share.holds(pair)).length;
    share.stepAside();
    return done({ targets: counts.error, abandoned: 0, lost: 0, error: asError(error) });
  }
  const onUnknownSources = (sources: readonly string[], pair: Pair): void => nameSources(context, sources, pair);
  const refreshed = await refreshTargets({ ...context, onUnknownSources }, targets, to, signal);
  const results = await resultsOf(share, refreshed, to);
  const settled = await settle(context, to, results, refreshed);
  for (const [target, { outcome, value, error }] of settled) {
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

/** What the targets have come to, without those that another aggregator has taken over while this one was stopped. */
async function resultsOf(
  share: Share,
  refreshed: ReadonlyMap<Target, Refreshed>,
  to: Micros,
): Promise<Map<Target, Result>> {
  const targets = [...refreshed.keys()];
  try {
    const ours = await share.confirm(targets, to);
    return new Map(ours.map((target) => [target, resultOf(refreshed.get(target) as Refreshed)]));
  } catch (error) {
    return new Map(targets.map((target) => [target, asError(error)]));
  }
}

function nameSources({ namedSources }: TickContext, sources: readonly string[], pair: Pair): void {
  for (const source of sources) {
    if (namedSources.has(source)) continue;
    namedSources.add(source);
    unknownSource.publish({ source, pair });
  }
}

function resultOf({ own, triangulation }: Refreshed): Result {
  if (own instanceof Error) return own;
  if (triangulation instanceof Error) return triangulation;
  if (triangulation?.outcome === "ok") return triangulation.value;
  return own.value ?? refusalOf({ own, triangulation }) ?? "empty";
}

function reportTriangulation(target: Target, to: Micros, found: Triangulation | Error | null): void {
  // That the market the other way round is withheld is the target's outcome.
  if (found === null || (!(found instanceof Error) && found.outcome === "withheld")) return;
  const event = { ...target, to, leg: null, fxFallbacks: 0 };
  if (found instanceof Error) triangulationDone.publish({ ...event, outcome: "error" });
  else if (found.outcome === "ok") {
    const fxFallbacks = found.legs.filter(({ isFallback }) => isFallback).length;
    triangulationDone.publish({ ...event, outcome: "ok", fxFallbacks });
  } else triangulationDone.publish({ ...event, outcome: found.outcome, leg: found.leg });
}

/** What publishing a target's value writes to the store. The value lives as long as its window. */
function writeOf({ pair, windowSeconds }: Target, value: PublishedValue): PriceWrite {
  return {
    key: vwapKey(pair, windowSeconds),
    value: serializePublished(value),
    to: value.to,
    ttlSeconds: windowSeconds,
    provenance: value.provenance,
  };
}

/** What is written beside the value, to live as long. */
function writesBeside({ pair, windowSeconds }: Target, { to }: PublishedValue, besides: Besides | null): PriceWrite[] {
  const { confidence = null, twap = null } = besides ?? {};
  const rest = { to, ttlSeconds: windowSeconds, isBeside: true } as const;
  return [
    ...(confidence === null ? [] : [{ key: confidenceKey(pair, windowSeconds), value: confidence, ...rest }]),
    ...(twap === null ? [] : [{ key: twapKey(pair, windowSeconds), value: twap, ...rest }]),
  ];
}

/** Writes the values among the results; one write that fails is that target's failure alone. */
async function settle(
  { store, stopwatch, now }: TickContext,
  to: Micros,
  results: ReadonlyMap<Target, Result>,
  refreshed: ReadonlyMap<Target, Refreshed>,
): Promise<Map<Target, Settled>> {
  const settled = new Map<Target, Settled>();
  const writes: [Target, PublishedValue][] = [];
  for (const [target, result] of results) {
    if (typeof result === "string") settled.set(target, { outcome: result, value: null, error: null });
    else if (result instanceof Error) settled.set(target, { outcome: "error", value: null, error: result });
    else writes.push([target, result]);
  }
  const started = stopwatch();
  const beside = writes.flatMap(([target, value]) =>
    writesBeside(target, value, refreshed.get(target)?.besides ?? null),
  );
  // What stands beside a value is there before it is announced.
  const all = await store.publish([...beside, ...writes.map(([target, value]) => writeOf(target, value))]);
  const outcomes = all.slice(beside.length);
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
