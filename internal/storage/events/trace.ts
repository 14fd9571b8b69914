import { laterOf, type Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";
import type { JobState } from "../control/read-jobs.ts";
import { type AttemptNote, readNote } from "./attempt-note.ts";
import { type DeliveryState, stateOf } from "./delivery-state.ts";
import type { NewEvent } from "./event.ts";

/** How an attempt ended; sending: it has not. */
export const ATTEMPT_OUTCOMES = [
  "sending",
  "delivered",
  "throttled",
  "retry",
  "released",
  "lost",
  "dead",
  "failed",
  "cancelled",
] as const;

/** An attempt to deliver an event. */
export interface Attempt {
  /** From 1. */
  readonly attempt: number;
  readonly startedAt: Micros;
  readonly outcome: (typeof ATTEMPT_OUTCOMES)[number];
  /** What the receiver did; null where that is not known. */
  readonly note: AttemptNote | null;
  /** A stable code, and what history says where there is no note. */
  readonly reason: string | null;
  readonly message: string | null;
}

/** An event on its way to a destination. */
export interface DeliveryTrace {
  readonly destination: string;
  readonly jobId: bigint;
  readonly state: DeliveryState;
  readonly pausedReason: string | null;
  readonly attemptsMade: number;
  /** Null where nothing is to be tried, or something else must happen first. */
  readonly nextTryAt: Micros | null;
  /** The latest, the oldest of them first. */
  readonly attempts: readonly Attempt[];
}

/** The way of an event. */
export interface EventTrace extends Omit<NewEvent, "body"> {
  readonly sequence: bigint;
  readonly recordedAt: Micros;
  /** How often it came again with other data, each counted once. */
  readonly conflicts: number;
  /** Whether only the archive has its data. */
  readonly isArchived: boolean;
  readonly deliveries: readonly DeliveryTrace[];
}

/** Senders whose events with one id are shown. */
const MOST_EVENTS = 20;
/** Entries of a delivery's history: an attempt has two. */
const MOST_ENTRIES = 200;

interface EventRow extends Omit<EventTrace, "sequence" | "receivedAt" | "recordedAt" | "deliveries"> {
  readonly sequence: string;
  readonly receivedAt: string;
  readonly recordedAt: string;
}

interface Entry {
  readonly at: string;
  readonly from: JobState | null;
  readonly to: JobState;
  readonly attempt: number;
  readonly reason: string | null;
  readonly message: string | null;
}

interface DeliveryRow {
  readonly sequence: string;
  readonly destination: string;
  readonly job_id: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly run_at: string;
  readonly not_before: string | null;
  readonly paused_reason: string | null;
  readonly history: readonly Entry[];
}

/**
 * Returns the ways of the events with an id, in the order of recording, at most of twenty senders.
 * @param sender whose; null for all
 */
export async function readTraces(sql: Sql, tenant: string, id: string, sender: string | null): Promise<EventTrace[]> {
  const rows = await sql<EventRow[]>`
    SELECT sequence::text AS sequence, sender, id, type, pair, traceparent, body IS NULL AS "isArchived",
      (extract(epoch FROM received_at) * 1000000)::bigint::text AS "receivedAt",
      (extract(epoch FROM recorded_at) * 1000000)::bigint::text AS "recordedAt",
      (
        SELECT count(*)::integer FROM events.conflicts
        WHERE conflicts.tenant = events.tenant AND conflicts.sequence = events.sequence
      ) AS conflicts
    FROM events.events
    WHERE tenant = ${tenant} AND id = ${id} ${sender === null ? sql`` : sql`AND sender = ${sender}`}
    ORDER BY events.events.sequence LIMIT ${MOST_EVENTS}`;
  if (rows.length === 0) return [];
  const deliveries = await readDeliveries(
    sql,
    tenant,
    rows.map(({ sequence }) => sequence),
  );
  return rows.map((row) => ({
    ...row,
    sequence: BigInt(row.sequence),
    receivedAt: BigInt(row.receivedAt),
    recordedAt: BigInt(row.recordedAt),
    deliveries: deliveries.filter(({ sequence }) => sequence === row.sequence).map(deliveryOf),
  }));
}

async function readDeliveries(sql: Sql, tenant: string, sequences: readonly string[]): Promise<DeliveryRow[]> {
  return sql<DeliveryRow[]>`
    SELECT deliveries.sequence::text AS sequence, destination, jobs.job_id::text AS job_id, state, attempt,
      (extract(epoch FROM run_at) * 1000000)::bigint::text AS run_at,
      (
        SELECT (extract(epoch FROM not_before) * 1000000)::bigint::text FROM control.throttles
        -- Infinitely long ago where the host has a pace and never asked to wait.
        WHERE throttles.tenant = deliveries.tenant AND throttles.host = destination AND isfinite(not_before)
      ) AS not_before,
      (
        SELECT reason FROM control.pauses
        WHERE pauses.tenant = deliveries.tenant AND (scope, name) IN (('source', destination), ('tenant', ''))
        ORDER BY scope LIMIT 1
      ) AS paused_reason,
      (
        SELECT jsonb_agg(
          jsonb_build_object(
            'at', (extract(epoch FROM at) * 1000000)::bigint::text, 'from', from_state, 'to', to_state,
            'attempt', latest.attempt, 'reason', reason, 'message', message
          ) ORDER BY entry_id
        )
        FROM (
          SELECT * FROM control.job_history
          WHERE job_history.tenant = jobs.tenant AND job_history.job_id = jobs.job_id
          ORDER BY entry_id DESC LIMIT ${MOST_ENTRIES}
        ) AS latest
      ) AS history
    FROM events.deliveries JOIN control.jobs USING (tenant, job_id)
    WHERE deliveries.tenant = ${tenant} AND deliveries.sequence = ANY(${[...sequences]}::text[]::bigint[])
    ORDER BY destination`;
}

function deliveryOf(row: DeliveryRow): DeliveryTrace {
  const state = stateOf(row.state, row.paused_reason !== null);
  const runAt = BigInt(row.run_at);
  return {
    destination: row.destination,
    jobId: BigInt(row.job_id),
    state,
    pausedReason: state === "paused" ? row.paused_reason : null,
    attemptsMade: row.attempt,
    nextTryAt: state !== "pending" ? null : row.not_before === null ? runAt : laterOf(runAt, BigInt(row.not_before)),
    attempts: attemptsOf(row.history),
  };
}

function attemptsOf(history: readonly Entry[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (const { at, from, to, attempt, reason, message } of history) {
    if (to === "leased") {
      const unknown = { note: null, reason: null, message: null };
      attempts.push({ attempt, startedAt: BigInt(at), outcome: "sending", ...unknown });
    } else if (from === "leased") {
      const started = attempts.pop();
      if (started === undefined) continue;
      attempts.push({ ...started, outcome: outcomeOf(to, reason), note: readNote(message), reason, message });
    }
  }
  return attempts;
}

/** By the reason of an attempt that is made again. */
const OUTCOMES: ReadonlyMap<string | null, Attempt["outcome"]> = new Map([
  ["throttled", "throttled"],
  ["worker_stopped", "released"],
  ["worker_lost", "lost"],
]);

function outcomeOf(to: JobState, reason: string | null): Attempt["outcome"] {
  if (to === "succeeded") return "delivered";
  if (to === "dead" || to === "failed" || to === "cancelled") return to;
  return OUTCOMES.get(reason) ?? "retry";
}
