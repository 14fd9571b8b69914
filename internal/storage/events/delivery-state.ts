import type { JobState } from "../control/read-jobs.ts";

/** How far a delivery has come. */
export const DELIVERY_STATES = [
  "waiting",
  "pending",
  "paused",
  "sending",
  "delivered",
  "dead",
  "failed",
  "cancelled",
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

const OF_JOB: Readonly<Record<JobState, DeliveryState>> = {
  blocked: "waiting",
  ready: "pending",
  leased: "sending",
  succeeded: "delivered",
  dead: "dead",
  failed: "failed",
  cancelled: "cancelled",
};

/** Returns the state of a delivery whose job is in a state, and whose destination may be paused. */
export function stateOf(job: JobState, isPaused: boolean): DeliveryState {
  return isPaused && (job === "blocked" || job === "ready") ? "paused" : OF_JOB[job];
}
