import type { Sent } from "./sender.ts";

/**
 * What is known of a destination that does not answer: a circuit breaker, so that an hour of it does not use up the attempts
 * of everything that waits. Pure.
 */
export interface Outage {
  /** Failures in a row. */
  readonly failures: number;
  /** Waits since it is down; 0 while it is up. */
  readonly waits: number;
  /** Until when nothing is sent, by the clock of the caller, in seconds. */
  readonly until: number;
}

export const UP: Outage = { failures: 0, waits: 0, until: 0 };

const FAILURES_UNTIL_DOWN = 5;
const FIRST_WAIT_SECONDS = 5;
const LONGEST_WAIT_SECONDS = 300;

/** Failures that say nothing of the event: whoever answers, however badly, is up. */
const UNREACHABLE: readonly (string | null)[] = [
  "name_not_resolved",
  "connect_failed",
  "connection_lost",
  "tls_failed",
  "timeout",
];
const UNAVAILABLE: readonly (number | null)[] = [502, 503, 504];

/** Failures before anything was sent, or whose end was not waited for: they say nothing of the destination either. */
const UNSENT: readonly (string | null)[] = ["aborted", "mapping_failed"];

/** Returns what is known after an attempt that ended at `now` (seconds): the same as before, where it tells nothing. */
export function nextOutage(outage: Outage, { outcome, reason, status }: Sent, now: number): Outage {
  if (UNSENT.includes(reason)) return outage;
  const isUnanswered = outcome === "retry" && (UNREACHABLE.includes(reason) || UNAVAILABLE.includes(status));
  if (!isUnanswered) return UP;
  const failures = outage.failures + 1;
  if (failures < FAILURES_UNTIL_DOWN) return { ...outage, failures };
  // Attempts that were under way together are one.
  if (now < outage.until) return { ...outage, failures };
  const wait = Math.min(FIRST_WAIT_SECONDS * 2 ** outage.waits, LONGEST_WAIT_SECONDS);
  return { failures, waits: outage.waits + 1, until: now + wait };
}

/** Whether the destination counts as down. */
export const isDown = ({ waits }: Outage): boolean => waits > 0;
