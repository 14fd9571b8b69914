import { channel, type EventChannel } from "../obs/channel.ts";

/** A request was answered. */
export interface RequestEvent {
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
  readonly count: number;
}

/** A request was refused: too many are in progress, or its client exceeded its rate limit. */
export interface RequestRefusedEvent {
  readonly route: string;
}

/** A request timed out; the error is the database's if its timeout came first. */
export interface RequestTimedOutEvent {
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
  readonly route: string;
  readonly error: Error;
}

/** The store or the database did not answer; where possible, the other one was used. */
export interface BackendUnreachableEvent {
  readonly backend: "store" | "database";
  readonly error: Error;
}

export const requestDone: EventChannel<RequestEvent> = channel("stellarindex:api:request");
export const requestsInFlight: EventChannel<RequestsInFlightEvent> = channel("stellarindex:api:in-flight");
export const requestShed: EventChannel<RequestRefusedEvent> = channel("stellarindex:api:request-shed");
export const requestRateLimited: EventChannel<RequestRefusedEvent> = channel("stellarindex:api:request-rate-limited");
export const requestTimedOut: EventChannel<RequestTimedOutEvent> = channel("stellarindex:api:request-timed-out");
export const rateLimitsShared: EventChannel<RateLimitsSharedEvent> = channel("stellarindex:api:rate-limits-shared");
export const requestFailed: EventChannel<RequestFailedEvent> = channel("stellarindex:api:request-failed");
export const backendUnreachable: EventChannel<BackendUnreachableEvent> = channel("stellarindex:api:backend");
