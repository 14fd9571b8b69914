import { channel, type EventChannel } from "../obs/channel.ts";

/** The servers of the program. `start` runs all of them in one process, and their events are told apart by this. */
export type ServerName = "api" | "control" | "gateway";

/** A request was answered. */
export interface RequestEvent {
  readonly server: ServerName;
  /**
   * The pattern of the route; `unmatched` without a route, `refused` by access control, `preflight` for CORS
   * preflights. Never the path itself.
   */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  /** The name of its API key, never the key itself; null without one. */
  readonly key: string | null;
}

/** The number of requests in progress changed. */
export interface RequestsInFlightEvent {
  readonly server: ServerName;
  readonly count: number;
}

/** A request was refused: too many are in progress, or its client exceeded its rate limit. */
export interface RequestRefusedEvent {
  readonly server: ServerName;
  readonly route: string;
}

/** A request timed out; the error is the database's if its timeout came first. */
export interface RequestTimedOutEvent {
  readonly server: ServerName;
  readonly route: string;
  readonly error: Error;
}

/** Rate limits are now counted together with other API processes, or in this process alone. */
export interface RateLimitsSharedEvent {
  readonly isShared: boolean;
  /** Why they are no longer shared; null where they are. */
  readonly error: Error | null;
}

/** A request failed with an unexpected error. */
export interface RequestFailedEvent {
  readonly server: ServerName;
  readonly route: string;
  readonly error: Error;
}

/** The store or the database did not answer; where possible, the other one was used. */
export interface BackendUnreachableEvent {
  readonly server: ServerName;
  readonly backend: "store" | "database";
  readonly error: Error;
}

export const requestDone: EventChannel<RequestEvent> = channel("stellarindex:http:request");
export const requestsInFlight: EventChannel<RequestsInFlightEvent> = channel("stellarindex:http:in-flight");
export const requestShed: EventChannel<RequestRefusedEvent> = channel("stellarindex:http:request-shed");
export const requestRateLimited: EventChannel<RequestRefusedEvent> = channel("stellarindex:http:request-rate-limited");
export const requestTimedOut: EventChannel<RequestTimedOutEvent> = channel("stellarindex:http:request-timed-out");
export const rateLimitsShared: EventChannel<RateLimitsSharedEvent> = channel("stellarindex:api:rate-limits-shared");
export const requestFailed: EventChannel<RequestFailedEvent> = channel("stellarindex:http:request-failed");
export const backendUnreachable: EventChannel<BackendUnreachableEvent> = channel("stellarindex:api:backend");
