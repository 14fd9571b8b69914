import type { CallContext } from "./call-context.testing.ts";
import { clearProblem, listProblems, noteProblem } from "./collector-problems.ts";
import { recentFailures } from "./failures.ts";
import { firstEntry, readHistorySnapshot, readTransitions } from "./history-tail.ts";
import { readIncidentFacts } from "./incident-facts.ts";
import { acknowledgeIncident, keepIncidents, listIncidents } from "./incidents.ts";
import { databaseTime } from "./schedules.ts";
import { slowedHosts } from "./slowed-hosts.ts";
import { countUnread, keepUnread, listUnread } from "./unread-messages.ts";

/** Functions of the history and of incidents that read all tenants, for the daemon itself. */
export const INCIDENTS_WITHOUT_TENANT = ["allTenants", "countLedger"];

const FINDING = { firstJob: null, lastJob: null, count: 1, message: "m", cluster: null };

/** Calls of the functions of the history and of incidents. */
export const INCIDENT_CALLS: Readonly<Record<string, (context: CallContext) => Promise<unknown>>> = {
  recentFailures: (c) => recentFailures(c.database.sql, c.tenant, { withinSeconds: 3600, limit: 100 }),
  firstEntry: (c) => firstEntry(c.database.sql, c.tenant),
  readHistorySnapshot: (c) => readHistorySnapshot(c.database.sql, [c.tenant]).then(({ lastEntry }) => lastEntry),
  readTransitions: async (c) => {
    const seenAt = await readHistorySnapshot(c.database.sql, [c.tenant]);
    return readTransitions(c.database.sql, { tenants: [c.tenant], after: 0n, unseenAt: null, seenAt, limit: 100 });
  },
  readIncidentFacts: (c) => readIncidentFacts(c.database.sql, c.tenant).then(({ now: _, ...facts }) => facts),
  keepIncidents: async (c) => {
    const findings = c.pick([[], [{ code: "gap" as const, key: "f", ...FINDING }]]);
    return keepIncidents(c.database.sql, c.tenant, findings, await databaseTime(c.database.sql));
  },
  listIncidents: (c) => listIncidents(c.database.sql, c.tenant, { isOpen: null, code: null, before: null, limit: 100 }),
  acknowledgeIncident: (c) =>
    acknowledgeIncident(
      c.database.sql,
      { tenant: c.tenant, name: `of ${c.tenant}`, reason: "fuzz", ticket: null },
      c.pick([1n, 2n, 9_000_000_000n]),
    ),
  noteProblem: (c) =>
    noteProblem(c.database.sql, c.tenant, { code: "venue_unreachable", key: c.pick(["kraken", "f"]), message: "m" }),
  clearProblem: (c) => clearProblem(c.database.sql, c.tenant, "venue_unreachable", c.pick(["kraken", "f"])),
  listProblems: (c) => listProblems(c.database.sql, c.tenant),
  keepUnread: (c) => keepUnread(c.database.sql, c.tenant, [{ source: "kraken", reason: "r", message: "m" }]),
  countUnread: (c) => countUnread(c.database.sql, c.tenant),
  listUnread: (c) => listUnread(c.database.sql, c.tenant, { source: "kraken", before: null, limit: 10 }),
  slowedHosts: (c) => slowedHosts(c.database.sql, c.tenant),
};
