import { channel, type EventChannel } from "./events.ts";

/** A request was answered. */
export interface RequestEvent {
  /** The pattern of the route, `unmatched` where there is none; never what was asked. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
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
export const requestFailed: EventChannel<RequestFailedEvent> = channel("stellarindex:api:request-failed");
export const backendUnreachable: EventChannel<BackendUnreachableEvent> = channel("stellarindex:api:backend");
export const storedValueRefused: EventChannel<StoredValueRefusedEvent> = channel("stellarindex:api:value-refused");
export const foreignPolicy: EventChannel<ForeignPolicyEvent> = channel("stellarindex:api:foreign-policy");
export const storeFollowed: EventChannel<StoreFollowedEvent> = channel("stellarindex:api:store-followed");
