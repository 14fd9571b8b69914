import { channel, type EventChannel } from "../obs/channel.ts";
import type { DestinationCounts } from "../storage/events/counts.ts";
import type { Sent } from "./sender.ts";

/** An attempt to deliver an event has ended. */
export interface AttemptEndedEvent {
  readonly destination: string;
  /** stopped: the daemon stops, or another one has the delivery. */
  readonly outcome: Sent["outcome"] | "stopped";
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

/** A destination does not answer at all, or does so again. */
export interface DestinationDownEvent {
  readonly destination: string;
  readonly isDown: boolean;
}

export const destinationDown: EventChannel<DestinationDownEvent> = channel("stellarindex:deliver:destination-down");

/** This process delivers to these destinations from now on, and to no others. */
export interface DestinationsConfiguredEvent {
  readonly destinations: readonly string[];
}

export const destinationsConfigured: EventChannel<DestinationsConfiguredEvent> = channel(
  "stellarindex:deliver:destinations-configured",
);

/** What is under way was counted. */
export interface DeliveriesCountedEvent {
  readonly counts: readonly DestinationCounts[];
}

export const deliveriesCounted: EventChannel<DeliveriesCountedEvent> = channel("stellarindex:deliver:counted");

/** An object was written to the archive, and the data of its events removed from the database. */
export interface EventsArchivedEvent {
  /** Its name. */
  readonly object: string;
  /** Those whose data this process removed. */
  readonly events: number;
  /** Size of the object. */
  readonly bytes: number;
}

export const eventsArchived: EventChannel<EventsArchivedEvent> = channel("stellarindex:deliver:events-archived");

/** A pass of the archiving has ended, or failed; `overdueSeconds` tells by how much the oldest data in the database are late. */
export interface ArchiveMeasuredEvent {
  readonly overdueSeconds: number;
}

export const archiveMeasured: EventChannel<ArchiveMeasuredEvent> = channel("stellarindex:deliver:archive-measured");

/** Something that is repeated has failed. */
export interface DeliverFailedEvent {
  readonly call: "claim" | "read" | "extend" | "report" | "release" | "watch" | "count" | "archive";
  readonly error: Error;
}

export const deliverFailed: EventChannel<DeliverFailedEvent> = channel("stellarindex:deliver:failed");
