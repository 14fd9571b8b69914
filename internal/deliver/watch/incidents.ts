import { formatTime } from "../../canonical/time.ts";
import { readUntoldIncidents, type UntoldIncident } from "../../storage/events/untold-incidents.ts";
import { makePasses } from "./passes.ts";
import { readWanted } from "./wanted.ts";
import { newOwnEvent, type OwnEvent, type WatcherParts, watchFailed } from "./watcher.ts";

const EVERY_SECONDS = 5;
const TYPES = ["incident.opened", "incident.closed"];
/** Incidents of one transaction. */
const BATCH = 500;

/**
 * Records `incident.opened` and `incident.closed` of the tenant's incidents until the signal aborts; both, if somebody may be
 * told of one of them. The incidents that are open when nothing was told before are told, too.
 */
export function watchIncidents({ database, tenant, record, now }: WatcherParts, signal: AbortSignal): Promise<void> {
  const passes = makePasses(EVERY_SECONDS);
  const pass = async (): Promise<void> => {
    if (!(await readWanted(database.sql, tenant)).has(TYPES, null)) return;
    const untold = await readUntoldIncidents(database.sql, tenant, BATCH);
    if (untold.length === 0) return;
    const receivedAt = now();
    await record(untold.flatMap(eventsOf).map((event) => newOwnEvent(event, receivedAt)));
    if (untold.length === BATCH) passes.wake();
  };
  return passes.run(pass, watchFailed, signal);
}

/** Returns the events that are missing of an incident. */
function eventsOf(incident: UntoldIncident): OwnEvent[] {
  const { incidentId, code, key, openedAt, closedAt, count, message, isOpeningTold } = incident;
  const opened = formatTime(openedAt);
  const event = (part: "opened" | "closed", at: string, closed: string | null): OwnEvent => ({
    type: `incident.${part}`,
    pair: null,
    body: JSON.stringify({
      ...{ incident_id: String(incidentId), code, key, opened_at: opened, closed_at: closed, count, message },
    }),
    thing: `incident:${incidentId}:${part}`,
    at,
  });
  const ended = closedAt === null ? null : formatTime(closedAt);
  return [
    ...(isOpeningTold ? [] : [event("opened", opened, null)]),
    ...(ended === null ? [] : [event("closed", ended, ended)]),
  ];
}
