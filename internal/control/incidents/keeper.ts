import type postgres from "postgres";
import { allTenants, readIncidentFacts } from "../../storage/control/incident-facts.ts";
import { keepIncidents } from "../../storage/control/incidents.ts";
import { findingsOf } from "./rules.ts";

/** Opens and closes the incidents of all tenants. Any number of daemons may do so at once. */
export async function findIncidents(sql: postgres.Sql): Promise<void> {
  for (const tenant of await allTenants(sql)) {
    const facts = await readIncidentFacts(sql, tenant);
    await keepIncidents(sql, tenant, findingsOf(facts), facts.now);
  }
}
