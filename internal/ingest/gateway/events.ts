import { channel, type EventChannel } from "../../obs/channel.ts";
import type { QuarantineCount, QuarantineKind } from "../../storage/ingest/quarantine.ts";
import type { AnsweredStatus } from "./event-schema.ts";
import type { RowCounts } from "./row-report.ts";

/** Rows of a request were answered for. */
export interface RowsEvent {
  readonly counts: RowCounts;
}

/** An event was answered for. */
export interface EventAnsweredEvent {
  readonly status: AnsweredStatus;
}

/** Rows or an event could be made durable neither in the database nor in the journal; their sender was told so. */
export interface WriteRefusedEvent {
  /** Why the journal did not take them. */
  readonly reason: "disk-full" | "journal-full" | "journal-failed" | "no-journal";
  readonly error: Error;
}

/** Records of the journal were stored in the database. */
export interface DrainedEvent {
  readonly records: number;
}

/** The oldest records of the journal could not be stored; they stay there. */
export interface DrainFailedEvent {
  readonly error: Error;
  /** When they are tried again. */
  readonly retryMs: number;
}

/** Something that cannot be read was to be kept in quarantine. */
export interface QuarantinedEvent {
  readonly kind: QuarantineKind;
  /** Why it could not be kept; null where it was. */
  readonly error: Error | null;
}

/** The quarantine was counted. */
export interface QuarantineCountedEvent {
  /** Of each kind that has entries. */
  readonly counts: readonly QuarantineCount[];
}

/** The quarantine could not be counted or trimmed. */
export interface UpkeepFailedEvent {
  readonly error: Error;
}

export const rowsAnswered: EventChannel<RowsEvent> = channel("stellarindex:gateway:rows");
export const eventAnswered: EventChannel<EventAnsweredEvent> = channel("stellarindex:gateway:event");
export const writeRefused: EventChannel<WriteRefusedEvent> = channel("stellarindex:gateway:write-refused");
export const journalDrained: EventChannel<DrainedEvent> = channel("stellarindex:gateway:drained");
export const drainFailed: EventChannel<DrainFailedEvent> = channel("stellarindex:gateway:drain-failed");
export const quarantined: EventChannel<QuarantinedEvent> = channel("stellarindex:gateway:quarantined");
export const quarantineCounted: EventChannel<QuarantineCountedEvent> = channel("stellarindex:gateway:quarantine");
export const upkeepFailed: EventChannel<UpkeepFailedEvent> = channel("stellarindex:gateway:upkeep-failed");
