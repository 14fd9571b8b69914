import diagnosticsChannel from "node:diagnostics_channel";
import type { Refusal } from "../aggregate/compute.ts";
import type { PricedTrade } from "../aggregate/reader.ts";
import type { Stage } from "../aggregate/stages.ts";
import type { Divergence } from "../cache/divergence.ts";
import type { Pair } from "../canonical/pair.ts";
import type { DroppedTrades, PublishedValue } from "../canonical/published.ts";
import type { Micros } from "../canonical/time.ts";

/** A step of one target's refresh is done, of its own market or of one that leads to it. */
export interface StageEvent {
  readonly pair: Pair;
  readonly windowSeconds: number;
  readonly to: Micros;
  readonly stage: Stage;
  /** Trades handed on to the next step. */
  readonly trades: number;
  readonly dropped: number;
  /** Since the step before was done; targets in flight share their reads, so that this adds up to more than the tick. */
  readonly seconds: number;
  /** The trades that went, where the step knows them one by one. */
  readonly outliers: readonly PricedTrade[];
}

/** What became of a target at one boundary. */
export type TargetOutcome = "written" | "superseded" | Refusal | "error";

/** A target is dealt with at one boundary. */
export interface TargetEvent {
  readonly pair: Pair;
  readonly windowSeconds: number;
  readonly to: Micros;
  readonly outcome: TargetOutcome;
  readonly value: PublishedValue | null;
  readonly dropped: DroppedTrades;
  readonly usdVolumeKnown: boolean;
  /**
   * When the last trade was that counts in the bucket, of the pair or of a market that its price comes through; null where
   * there is none, or that is not known.
   */
  readonly lastTrade: Micros | null;
  readonly error: Error | null;
}

/** A target without a price of its own was looked for in other markets, and there is a chain or a route. */
export interface TriangulationEvent {
  readonly pair: Pair;
  readonly windowSeconds: number;
  readonly to: Micros;
  readonly outcome: "ok" | "missing_leg" | "stale_leg" | "error";
  /** The leg without a price. */
  readonly leg: string | null;
  /** Legs between currencies that an average stood for, because there is no exchange rate. */
  readonly fxFallbacks: number;
}

/** A published pair was due to be held against references. */
export interface DivergenceEvent {
  readonly pair: Pair;
  /**
   * `ok`: it was compared. `no_vwap`: there is no price of ours. Otherwise too few references had one: `parse_error` where
   * an answer could not be read, else `refresh_error`.
   */
  readonly outcome: DivergenceOutcome;
  readonly divergence: Divergence | null;
  /** What each reference that gave no price said instead. */
  readonly failures: readonly DivergenceFailure[];
}

/** Why a reference gave no price that counts; `stale` is one of another time. */
export interface DivergenceFailure {
  readonly reference: string;
  readonly failure: (typeof REFERENCE_FAILURES)[number];
  readonly reason: string;
}

export const REFERENCE_FAILURES = ["unreadable", "unreachable", "unknown", "stale"] as const;

export const DIVERGENCE_OUTCOMES = ["ok", "no_vwap", "parse_error", "refresh_error"] as const;
export type DivergenceOutcome = (typeof DIVERGENCE_OUTCOMES)[number];

/** The values of one boundary were written to the store, as far as they could be. */
export interface WriteEvent {
  readonly to: Micros;
  readonly written: number;
  readonly superseded: number;
  readonly errors: number;
  readonly seconds: number;
  /** From the end of the bucket until its values were in the store. */
  readonly lagSeconds: number;
}

/** All targets of one boundary were dealt with, or left because of a stop. */
export interface TickEvent {
  readonly to: Micros;
  /** Targets that were this aggregator's to compute. */
  readonly targets: number;
  readonly counts: Readonly<Record<TargetOutcome, number>>;
  /** Targets not begun because the daemon stops. */
  readonly abandoned: number;
  /** Targets whose values were not written, because another aggregator has taken them over meanwhile. */
  readonly lost: number;
  readonly durationSeconds: number;
  /** When it was over. */
  readonly endedAt: Micros;
  /** Why there was nothing to be done: neither a target nor its value was looked at. */
  readonly error: Error | null;
}

/** What aggregators that share the targets have of them was looked at; counts are of pairs. */
export interface LeasesEvent {
  readonly to: Micros;
  /** Live aggregators, this one included; null where that was not asked. */
  readonly members: number | null;
  /** New ones of this aggregator: nobody's, a dead one's, or the surplus of another. */
  readonly taken: number;
  /** Taken by another since the last tick. */
  readonly handedOn: number;
  /** Taken by another during the tick, so that its values were not written. */
  readonly lost: number;
}

/** Boundaries that passed while a tick was still running. */
export interface SkipEvent {
  readonly count: number;
  readonly to: Micros;
}

/** A source with trades that the registry does not know, seen for the first time. */
export interface UnknownSourceEvent {
  readonly source: string;
  readonly pair: Pair;
}

/** The process was asked to read its configuration again; `error` where that stayed as it was. */
export interface ReloadEvent {
  readonly outcome: "ok" | "error";
}

/** A kind of event: who publishes does not know who listens. Subscribing gives back the way out. */
export interface EventChannel<T> {
  readonly publish: (event: T) => void;
  readonly subscribe: (listener: (event: T) => void) => () => void;
}

export const stageDone: EventChannel<StageEvent> = channel("stellarindex:aggregator:stage");
export const targetDone: EventChannel<TargetEvent> = channel("stellarindex:aggregator:target");
export const triangulationDone: EventChannel<TriangulationEvent> = channel("stellarindex:aggregator:triangulation");
export const divergenceChecked: EventChannel<DivergenceEvent> = channel("stellarindex:divergence:checked");
export const valuesWritten: EventChannel<WriteEvent> = channel("stellarindex:aggregator:write");
export const leasesChanged: EventChannel<LeasesEvent> = channel("stellarindex:aggregator:leases");
export const tickDone: EventChannel<TickEvent> = channel("stellarindex:aggregator:tick");
export const ticksSkipped: EventChannel<SkipEvent> = channel("stellarindex:aggregator:ticks-skipped");
export const unknownSource: EventChannel<UnknownSourceEvent> = channel("stellarindex:aggregator:unknown-source");
export const configReloaded: EventChannel<ReloadEvent> = channel("stellarindex:config:reloaded");

/** The channel of the name; whoever subscribes gets what is published from then on, in the same call. */
export function channel<T>(name: string): EventChannel<T> {
  const named = diagnosticsChannel.channel(name);
  return {
    publish: (event) => named.publish(event),
    subscribe: (listener) => {
      const onMessage = (message: unknown) => listener(message as T);
      named.subscribe(onMessage);
      return () => named.unsubscribe(onMessage);
    },
  };
}
