import type { CircuitState } from "../resilience/guard.ts";
import { channel, type EventChannel } from "./events.ts";

export const DEPENDENCIES = ["database", "redis"] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** A dependency is left alone from now on, is tried, or answers again. */
export interface CircuitEvent {
  readonly dependency: Dependency;
  readonly state: CircuitState;
  /** What it failed with last; null where it never did. */
  readonly reason: string | null;
}

export const circuitChanged: EventChannel<CircuitEvent> = channel("stellarindex:circuit");
