import { asError } from "../../canonical/as-error.ts";
import { bucketEndingAt } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import type { Micros } from "../../canonical/time.ts";
import { triangulationDone } from "../../obs/events.ts";
import { fxSources } from "../../sources/registry.ts";
import { withSnapshot } from "../../storage/snapshot.ts";
import { pairIdentity } from "../aliases.ts";
import { countedSources } from "../class-filter.ts";
import type { Computation } from "../compute.ts";
import { once } from "../once.ts";
import { namedAssets, type RouteReader } from "../routes.ts";
import { type Triangulation, triangulate } from "../triangulation.ts";
import { concurrently } from "./concurrently.ts";
import type { Target } from "./target.ts";
import type { TickContext } from "./tick.ts";

/** A target whose own trades give no value. */
export interface Unpriced {
  readonly target: Target;
  readonly own: Computation;
}

/**
 * Looks for the values of targets in other markets, and reports each. What they share is read once; a failure is that of
 * the targets which need what failed.
 * @param own the computation of a pair's own trades over a window, the tick's where it has one
 * @returns an outcome per target that was begun, null where it has neither chain nor route
 */
export async function triangulateTargets(
  context: TickContext,
  unpriced: readonly Unpriced[],
  own: (target: Target) => Promise<Computation>,
  to: Micros,
  signal: AbortSignal,
): Promise<Map<Target, Triangulation | Error | null>> {
  const { database, policy, concurrency } = context;
  const identity = (pair: Pair): string => pairIdentity(pair, policy.aliases);
  const ends = unpriced.map(({ target }) => target.pair);
  const fxRates = once(
    () => "",
    () => withSnapshot(database, (reader) => reader.fxRates(fxSources(policy.registry), to)),
  );
  const readerOf = (windowSeconds: number): RouteReader => ({
    own: once(identity, (pair: Pair) => own({ pair, windowSeconds })),
    fxRates,
    tradedPairs: once(
      () => "",
      () =>
        withSnapshot(database, (reader) =>
          reader.tradedPairs(bucketEndingAt(to, windowSeconds), namedAssets(policy, ends), countedSources(policy)),
        ),
    ),
  });
  const windows = new Set(unpriced.map(({ target }) => target.windowSeconds));
  const readers = new Map([...windows].map((windowSeconds) => [windowSeconds, readerOf(windowSeconds)]));

  const outcomes = new Map<Target, Triangulation | Error | null>();
  await concurrently(unpriced, concurrency, signal, async ({ target, own: { dropped } }) => {
    const reader = readers.get(target.windowSeconds) as RouteReader;
    const bucket = bucketEndingAt(to, target.windowSeconds);
    const outcome = await triangulate(reader, policy, target.pair, bucket, dropped).catch(asError);
    outcomes.set(target, outcome);
    report(target, to, outcome);
  });
  return outcomes;
}

function report(target: Target, to: Micros, outcome: Triangulation | Error | null): void {
  if (outcome === null) return;
  const event = { ...target, to, leg: null, fxFallbacks: 0 };
  if (outcome instanceof Error) triangulationDone.publish({ ...event, outcome: "error" });
  else if (outcome.outcome === "ok") {
    const fxFallbacks = outcome.legs.filter(({ isFallback }) => isFallback).length;
    triangulationDone.publish({ ...event, outcome: "ok", fxFallbacks });
  } else triangulationDone.publish({ ...event, outcome: outcome.outcome, leg: outcome.leg });
}
