import { formatTime, type Micros } from "../../canonical/time.ts";
import type { Attempt, DeliveryTrace, EventTrace } from "../../storage/events/trace.ts";
import type { TraceDocument } from "./event-schema.ts";

/** Returns the way of an event as the API shows it. */
export function traceDocument(trace: EventTrace): TraceDocument {
  const { id, sender, type, pair, receivedAt, recordedAt, traceparent, conflicts, isArchived, deliveries } = trace;
  return {
    ...{ id, sender, type, pair },
    received_at: formatTime(receivedAt),
    recorded_at: formatTime(recordedAt),
    traceparent,
    conflicts,
    is_archived: isArchived,
    destinations: deliveries.map(deliveryDocument),
  };
}

function deliveryDocument(delivery: DeliveryTrace): TraceDocument["destinations"][number] {
  const { destination, state, pausedReason, attemptsMade, nextTryAt, jobId, attempts } = delivery;
  return {
    ...{ destination, state },
    paused_reason: pausedReason,
    attempts_made: attemptsMade,
    next_try_at: timeOrNull(nextTryAt),
    job_id: String(jobId),
    attempts: attempts.map(attemptDocument),
  };
}

function attemptDocument({ attempt, startedAt, outcome, note, reason, message }: Attempt) {
  return {
    attempt,
    started_at: formatTime(startedAt),
    outcome,
    status: note?.status ?? null,
    latency_ms: note?.latency_ms ?? null,
    reason: note?.reason ?? reason,
    detail: note === null ? message : note.detail,
  };
}

function timeOrNull(time: Micros | null): string | null {
  return time === null ? null : formatTime(time);
}
