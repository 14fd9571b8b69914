import { channel, type EventChannel } from "../obs/channel.ts";

/** A stored value was rejected: it is not one that an aggregator writes, or its bucket is not closed yet. */
export interface StoredValueRefusedEvent {
  readonly key: string;
  readonly reason: string;
}

/** A stored value computed under another policy than the API's own was served, for the first time. */
export interface ForeignPolicyEvent {
  readonly key: string;
  /** The policy of the value. */
  readonly policy: string;
}

/** Stored values are now answered from copies in the process, or no longer. */
export interface StoreFollowedEvent {
  readonly isFollowing: boolean;
}

/** What collected feeds lack cannot be read; answers are not marked as incomplete then. */
export interface CoverageUnknownEvent {
  readonly error: Error;
}

export const coverageUnknown: EventChannel<CoverageUnknownEvent> = channel("stellarindex:api:coverage-unknown");
export const storedValueRefused: EventChannel<StoredValueRefusedEvent> = channel("stellarindex:api:value-refused");
export const foreignPolicy: EventChannel<ForeignPolicyEvent> = channel("stellarindex:api:foreign-policy");
export const storeFollowed: EventChannel<StoreFollowedEvent> = channel("stellarindex:api:store-followed");
