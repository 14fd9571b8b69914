import type { Pair } from "../canonical/pair.ts";
import type { DroppedTrades, PublishedValue } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";
import type { Refusal } from "../canonical/withheld.ts";
import { channel, type EventChannel } from "../obs/channel.ts";
import type { PricedTrade } from "../policy/reader.ts";
import type { Stage } from "../policy/stages.ts";

/** A stage of a target's computation, or of one of its legs, has finished. */
export interface StageEvent {
  readonly pair: Pair;
  readonly windowSeconds: number;
  readonly to: Micros;
  readonly stage: Stage;
  /** Number of trades that pass the stage. */
  readonly trades: number;
  readonly dropped: number;
  /** Time since the previous stage. Concurrent targets share reads, so the sum can exceed the tick's duration. */
  readonly seconds: number;
  /** The outliers that were dropped, if the stage lists them. */
  readonly outliers: readonly PricedTrade[];
}

/** The outcome of a target at one boundary. */
export type TargetOutcome = "written" | "superseded" | Refusal | "error";

/** A target has been processed for one boundary. */
export interface TargetEvent {
  readonly pair: Pair;
  readonly windowSeconds: number;
  readonly to: Micros;
  readonly outcome: TargetOutcome;
  readonly value: PublishedValue | null;
  readonly dropped: DroppedTrades;
  readonly usdVolumeKnown: boolean;
  /**
   * Time of the last trade in the bucket that counts, in the pair's own markets or in a leg of its price; null where
   * there is none or it is unknown.
   */
  readonly lastTrade: Micros | null;
  readonly error: Error | null;
}

/** A target without a value of its own was triangulated; there is a chain or a route. */
export interface TriangulationEvent {
  readonly pair: Pair;
  readonly windowSeconds: number;
  readonly to: Micros;
  readonly outcome: "ok" | "missing_leg" | "stale_leg" | "error";
  /** The leg without a price. */
  readonly leg: string | null;
  /** Number of legs between currencies that are priced by a VWAP because there is no exchange rate. */
  readonly fxFallbacks: number;
}

/** The values of one boundary have been written to the store; `errors` counts failed writes. */
export interface WriteEvent {
  readonly to: Micros;
  readonly written: number;
  readonly superseded: number;
  readonly errors: number;
  readonly seconds: number;
  /** Time from the end of the bucket until its values were in the store. */
  readonly lagSeconds: number;
}

/** A tick has ended: all targets of one boundary were processed, or the daemon is stopping. */
export interface TickEvent {
  readonly to: Micros;
  /** Number of targets assigned to this aggregator. */
  readonly targets: number;
  readonly counts: Readonly<Record<TargetOutcome, number>>;
  /** Targets not started because the daemon is stopping. */
  readonly abandoned: number;
  /** Targets whose values were not written because another aggregator took them over during the tick. */
  readonly lost: number;
  readonly durationSeconds: number;
  /** When the tick ended. */
  readonly endedAt: Micros;
  /** Why the tick failed as a whole, before any target was processed. */
  readonly error: Error | null;
}

/** The leases on pairs were claimed or confirmed; counts are of pairs. */
export interface LeasesEvent {
  readonly to: Micros;
  /** Number of live aggregators, including this one; null for a confirmation, which does not count them. */
  readonly members: number | null;
  /** Newly acquired pairs: unowned, of an expired aggregator, or the surplus of a larger one. */
  readonly taken: number;
  /** Pairs that another aggregator has acquired since the last tick. */
  readonly handedOn: number;
  /** Pairs that another aggregator acquired during the tick; their values are not written. */
  readonly lost: number;
}

/** Boundaries were skipped because a tick was still running. */
export interface SkipEvent {
  readonly count: number;
  readonly to: Micros;
}

/** Trades of a source that is not in the registry were seen for the first time. */
export interface UnknownSourceEvent {
  readonly source: string;
  readonly pair: Pair;
}

export const stageDone: EventChannel<StageEvent> = channel("stellarindex:aggregator:stage");
export const targetDone: EventChannel<TargetEvent> = channel("stellarindex:aggregator:target");
export const triangulationDone: EventChannel<TriangulationEvent> = channel("stellarindex:aggregator:triangulation");
export const valuesWritten: EventChannel<WriteEvent> = channel("stellarindex:aggregator:write");
export const leasesChanged: EventChannel<LeasesEvent> = channel("stellarindex:aggregator:leases");
export const tickDone: EventChannel<TickEvent> = channel("stellarindex:aggregator:tick");
export const ticksSkipped: EventChannel<SkipEvent> = channel("stellarindex:aggregator:ticks-skipped");
export const unknownSource: EventChannel<UnknownSourceEvent> = channel("stellarindex:aggregator:unknown-source");
