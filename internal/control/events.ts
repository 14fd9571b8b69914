import { channel, type EventChannel } from "../obs/channel.ts";
import type { LeasedJob } from "../storage/control/claim.ts";
import type { FiredTick } from "../storage/control/fire.ts";
import type { Transition } from "../storage/control/history-tail.ts";
import type { LedgerCounts } from "../storage/control/ledger-counts.ts";
import type { RescuedJob } from "../storage/control/rescue.ts";

/** A worker of this process has started a job. */
export interface JobStartedEvent {
  readonly job: LeasedJob;
}

export const jobStarted: EventChannel<JobStartedEvent> = channel("stellarindex:control:job-started");

/** A worker of this process has ended an attempt. */
export interface JobEndedEvent {
  readonly job: LeasedJob;
  readonly outcome: "succeeded" | "retry" | "failed" | "dead" | "released" | "lease_lost";
  /** The result, or the reason of the failure. */
  readonly message: string | null;
  readonly seconds: number;
}

export const jobEnded: EventChannel<JobEndedEvent> = channel("stellarindex:control:job-ended");

/** A call to the ledger failed; it is repeated. */
export interface WorkerFailedEvent {
  readonly call: "claim" | "extend" | "report" | "rescue" | "schedule" | "remove";
  readonly error: Error;
}

export const workerFailed: EventChannel<WorkerFailedEvent> = channel("stellarindex:control:worker-failed");

/** A job was returned to its lane, or declared dead, because its lease ended without a report. */
export interface JobRescuedEvent {
  readonly job: RescuedJob;
}

export const jobRescued: EventChannel<JobRescuedEvent> = channel("stellarindex:control:job-rescued");

/** A tick of a schedule has got its job, or was skipped. */
export interface ScheduleFiredEvent {
  readonly fired: FiredTick;
}

export const scheduleFired: EventChannel<ScheduleFiredEvent> = channel("stellarindex:control:schedule-fired");

/** A read of the ledger for events, metrics or incidents failed; it is repeated. */
export interface LedgerReadFailedEvent {
  readonly read: LedgerRead;
  readonly error: Error;
}

export const LEDGER_READS = ["events", "counts", "history", "incidents"] as const;
export type LedgerRead = (typeof LEDGER_READS)[number];

export const ledgerReadFailed: EventChannel<LedgerReadFailedEvent> = channel("stellarindex:control:ledger-read-failed");

/** The control daemon has counted what is in the ledger. */
export interface LedgerCountedEvent {
  readonly counts: LedgerCounts;
}

export const ledgerCounted: EventChannel<LedgerCountedEvent> = channel("stellarindex:control:ledger-counted");

/** The control daemon has read transitions that are new in the history, of all tenants and workers. */
export interface TransitionsReadEvent {
  readonly transitions: readonly Transition[];
}

export const transitionsRead: EventChannel<TransitionsReadEvent> = channel("stellarindex:control:transitions-read");
