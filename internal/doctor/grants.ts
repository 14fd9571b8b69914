import type { Sql } from "../storage/connection/pool.ts";
import { readGrants } from "../storage/diagnostics/grants.ts";
import { type Finding, ok, wrong } from "./finding.ts";
import { listOf } from "./list.ts";

/**
 * Checks that roles other than the owner may only read the tables and insert trades. A role that can change rollups can
 * change prices; a trigger runs with the privileges of each role that writes trades; and the trigger function of the
 * rollups runs with its owner's. Default privileges, as some hosters set them, grant all of this at table creation.
 */
export async function checkGrants(sql: Sql): Promise<Finding> {
  const grants = await readGrants(sql);
  const surplus = grants.filter(({ addsTrades }) => !addsTrades);
  if (surplus.length === 0) {
    const writers = listOf(grants.map(({ role }) => role));
    return ok(writers === "" ? "only the owner may write" : `besides the owner, only ${writers} may insert trades`);
  }
  return wrong(
    `roles other than the owner may do more than read and insert trades: ${listOf(surplus.map(({ role, privileges, object }) => `${role} has ${privileges} on ${object}`))}`,
    `${surplus.map(({ role, privileges, object }) => `REVOKE ${privileges} ON ${object} FROM ${role};`).join(" ")} see also ALTER DEFAULT PRIVILEGES (\\ddp in psql)`,
  );
}
