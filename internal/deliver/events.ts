import { channel, type EventChannel } from "../obs/channel.ts";
import type { Sent } from "./sender.ts";

/** An attempt to deliver an event has ended. */
export interface AttemptEndedEvent {
  readonly destination: string;
  /** dead: it was the last attempt. lease_lost: another worker has the delivery, and what became of this attempt is not on record. */
  readonly outcome: Sent["outcome"] | "dead" | "stopped" | "lease_lost";
  readonly status: number | null;
  readonly reason: string | null;
  readonly seconds: number;
}

export const attemptEnded: EventChannel<AttemptEndedEvent> = channel("stellarindex:deliver:attempt-ended");

/** An event was delivered; `seconds` is the time since it was recorded. */
export interface EventDeliveredEvent {
  readonly destination: string;
  readonly seconds: number;
}

export const eventDelivered: EventChannel<EventDeliveredEvent> = channel("stellarindex:deliver:event-delivered");

/** A destination has said that it is gone for good, and was paused. */
export interface DestinationGoneEvent {
  readonly destination: string;
}

export const destinationGone: EventChannel<DestinationGoneEvent> = channel("stellarindex:deliver:destination-gone");

/** Something that is repeated has failed. */
export interface DeliverFailedEvent {
  readonly call: "claim" | "extend" | "report" | "release" | "watch" | "count" | "archive";
  readonly error: Error;
}

export const deliverFailed: EventChannel<DeliverFailedEvent> = channel("stellarindex:deliver:failed");
