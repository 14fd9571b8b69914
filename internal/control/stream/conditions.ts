import type postgres from "postgres";
import { type Incident, listIncidents } from "../../storage/control/incidents.ts";
import { type SlowedHost, slowedHosts } from "../../storage/control/slowed-hosts.ts";
import { eventText, shownHost, shownIncident } from "./shown.ts";

/** They change seldom, so that not each poll reads them. */
const EVERY_POLLS = 4;
const MOST_INCIDENTS = 1_000;

/** What is wrong with a tenant now: open incidents, and hosts that are slowed down. */
export interface Conditions {
  /** Returns events for what has changed since the last call. */
  readonly poll: () => Promise<string>;
  /** Returns events for all that is wrong. */
  readonly current: () => string;
}

/** Each is sent when it begins, changes and ends; a new reader gets those that there are, so that it misses none. */
export function makeConditions(sql: postgres.Sql, tenant: string): Conditions {
  let incidents = new Map<string, Incident>();
  let hosts = new Map<string, SlowedHost>();
  let polls = 0;
  return {
    poll: async () => {
      if (polls++ % EVERY_POLLS !== 0) return "";
      const filter = { isOpen: true, code: null, before: null, limit: MOST_INCIDENTS };
      const [open, slowed] = await Promise.all([listIncidents(sql, tenant, filter), slowedHosts(sql, tenant)]);
      const nextIncidents = new Map(open.map((each) => [String(each.incidentId), each]));
      const nextHosts = new Map(slowed.map((each) => [each.host, each]));
      const changes = [
        ...changesOf(incidents, nextIncidents).map(([incident, isOver]) => incidentText(incident, isOver)),
        ...changesOf(hosts, nextHosts).map(([host, isOver]) => eventText("throttle", shownHost(host, !isOver))),
      ];
      incidents = nextIncidents;
      hosts = nextHosts;
      return changes.join("");
    },
    current: () =>
      [
        ...Array.from(incidents.values(), (incident) => incidentText(incident, false)),
        ...Array.from(hosts.values(), (host) => eventText("throttle", shownHost(host, true))),
      ].join(""),
  };
}

function incidentText(incident: Incident, isOver: boolean): string {
  return eventText("incident", { is_open: !isOver, ...shownIncident(incident) });
}

/** Returns what is new, has changed, or is over (true). */
function changesOf<T>(before: ReadonlyMap<string, T>, now: ReadonlyMap<string, T>): (readonly [T, boolean])[] {
  const text = (each: T | undefined) =>
    JSON.stringify(each, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  const changed = [...now].filter(([key, each]) => text(before.get(key)) !== text(each));
  const over = [...before].filter(([key]) => !now.has(key));
  return [...changed.map(([, each]) => [each, false] as const), ...over.map(([, each]) => [each, true] as const)];
}
