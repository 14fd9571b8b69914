import type { CircuitState } from "../lib/circuit-breaker.ts";
import { channel, type EventChannel } from "../obs/channel.ts";
import type { ReplayPosition } from "../storage/connection/standby.ts";

export const DEPENDENCIES = ["database", "redis"] as const;
export type Dependency = (typeof DEPENDENCIES)[number];

/** The circuit of a dependency has opened, half-opened or closed. */
export interface CircuitEvent {
  readonly dependency: Dependency;
  readonly state: CircuitState;
  /** Its last failure; null where there was none. */
  readonly reason: string | null;
}

export const circuitChanged: EventChannel<CircuitEvent> = channel("stellarindex:circuit");

/** The database has answered. */
export interface DatabaseAnsweredEvent {
  /** The replay position of a standby; null for the primary. */
  readonly position: ReplayPosition | null;
}

export const databaseAnswered: EventChannel<DatabaseAnsweredEvent> = channel("stellarindex:database:answered");

/** A configuration reload (SIGHUP) was applied, or rejected (`error`). */
export interface ReloadEvent {
  readonly outcome: "ok" | "error";
}

export const configReloaded: EventChannel<ReloadEvent> = channel("stellarindex:config:reloaded");
