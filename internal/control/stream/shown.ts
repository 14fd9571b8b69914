import { formatTime } from "../../canonical/time.ts";
import type { Transition } from "../../storage/control/history-tail.ts";
import type { Incident } from "../../storage/control/incidents.ts";
import type { SlowedHost } from "../../storage/control/slowed-hosts.ts";
import { traceIdOf } from "../trace.ts";

/** The longest message of an event, in characters; the job's history has it whole. */
const MAX_MESSAGE = 200;

const shownId = (id: bigint | null) => (id === null ? null : String(id));
const shownTime = (time: bigint | null) => (time === null ? null : formatTime(time));

/** Returns one event of a stream as text (Server-Sent Events). */
export function eventText(event: string, data: object, id?: bigint): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Returns a transition as events show it. */
export function shownTransition(transition: Transition) {
  const { entryId, jobId, runId, at, from, to, traceparent, message, tenant: _, seconds: __, ...rest } = transition;
  return {
    entry_id: String(entryId),
    job_id: String(jobId),
    at: formatTime(at),
    from,
    to,
    ...rest,
    run_id: shownId(runId),
    message: message?.slice(0, MAX_MESSAGE) ?? null,
    trace_id: traceIdOf(traceparent),
  };
}

/** Returns an incident as lists and events show it. */
export function shownIncident(incident: Incident) {
  return {
    incident_id: String(incident.incidentId),
    code: incident.code,
    key: incident.key,
    opened_at: formatTime(incident.openedAt),
    closed_at: shownTime(incident.closedAt),
    count: incident.count,
    first_job: shownId(incident.firstJob),
    last_job: shownId(incident.lastJob),
    message: incident.message,
    cluster: incident.cluster,
    acknowledged_at: shownTime(incident.acknowledgedAt),
    acknowledged_by: incident.acknowledgedBy,
  };
}

/** Returns a host that is slowed down, or is no longer, as events show it. */
export function shownHost({ host, since, notBefore, rate, maxRate, hits }: SlowedHost, isSlowed: boolean) {
  return {
    host,
    is_slowed: isSlowed,
    since: formatTime(since),
    not_before: shownTime(notBefore),
    rate,
    max_rate: maxRate,
    hits,
  };
}
