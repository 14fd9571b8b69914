import { channel, type EventChannel } from "./events.ts";

/** A request was answered. */
export interface RequestEvent {
  /**
   * The pattern of the route, `unmatched` where there is none, `refused` where none was looked for, `preflight` of a
   * browser that asks whether it may ask; never what was asked.
   */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  /** The name of the API key that it came with, never the key; null without one. */
  readonly key: string | null;
}

/** So many requests wait for their answer now. */
export interface RequestsInFlightEvent {
  readonly count: number;
}

/** A request was turned away: as many as may wait for their answer, or its client has made too many. */
export interface RequestRefusedEvent {
  readonly route: string;
}

/** The answer was not there in time; the error is that of the database where it was the one to give up. */
export interface RequestTimedOutEvent {
  readonly route: string;
  readonly error: Error;
}

/** Requests are counted together with other API processes from now on, or in this process alone. */
export interface RateLimitsSharedEvent {
  readonly isShared: boolean;
  /** Why they are not shared any more. */
  readonly error: Error | null;
}

/** A request met an error that nobody expected. */
export interface RequestFailedEvent {
  readonly route: string;
  readonly error: Error;
}

/** The store or the database does not answer; where the other one can, it does. */
export interface BackendUnreachableEvent {
  readonly backend: "store" | "database";
  readonly error: Error;
}

/** A stored value was set aside: it is not one that an aggregator writes, or its bucket is not closed yet. */
export interface StoredValueRefusedEvent {
  readonly key: string;
  readonly reason: string;
}

/** A stored value of another policy than the API's own was served, for the first time. */
export interface ForeignPolicyEvent {
  readonly key: string;
  /** The policy of the value. */
  readonly policy: string;
}

/** Stored values are answered from copies in the process from now on, or no longer. */
export interface StoreFollowedEvent {
  readonly isFollowing: boolean;
}

export const requestDone: EventChannel<RequestEvent> = channel("stellarindex:api:request");
export const requestsInFlight: EventChannel<RequestsInFlightEvent> = channel("stellarindex:api:in-flight");
export const requestShed: EventChannel<RequestRefusedEvent> = channel("stellarindex:api:request-shed");
export const requestRateLimited: EventChannel<RequestRefusedEvent> = channel("stellarindex:api:request-rate-limited");
export const requestTimedOut: EventChannel<RequestTimedOutEvent> = channel("stellarindex:api:request-timed-out");
export const rateLimitsShared: EventChannel<RateLimitsSharedEvent> = channel("stellarindex:api:rate-limits-shared");
export const requestFailed: EventChannel<RequestFailedEvent> = channel("stellarindex:api:request-failed");
export const backendUnreachable: EventChannel<BackendUnreachableEvent> = channel("stellarindex:api:backend");
export const storedValueRefused: EventChannel<StoredValueRefusedEvent> = channel("stellarindex:api:value-refused");
export const foreignPolicy: EventChannel<ForeignPolicyEvent> = channel("stellarindex:api:foreign-policy");
export const storeFollowed: EventChannel<StoreFollowedEvent> = channel("stellarindex:api:store-followed");
