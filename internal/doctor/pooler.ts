import type { Database } from "../storage/connection/database.ts";
import { readUnlimitedTimeouts } from "../storage/diagnostics/timeouts.ts";
import { type Finding, ok, warning } from "./finding.ts";

/**
 * Checks that the role has timeouts if a pooler such as PgBouncer is in between: settings of the session are rejected
 * there, or leak to other clients. Returns no finding without a pooler.
 */
export async function checkPooler({ sql, isPooled = false }: Database): Promise<Finding | readonly Finding[]> {
  if (!isPooled) return [];
  const rows = await readUnlimitedTimeouts(sql);
  const found = "connections go through a pooler: there are no prepared statements";
  if (rows.length === 0) return ok(`${found}, and the role has timeouts`);
  return warning(
    `${found}, and the role lacks ${rows.map(({ name }) => name).join(" and ")}`,
    rows.map(({ name, role }) => `ALTER ROLE ${role} SET ${name} = '30s'`).join("; "),
  );
}
