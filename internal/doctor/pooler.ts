import type { Database } from "../storage/database.ts";
import { type Finding, ok, warning } from "./finding.ts";

/**
 * Whether a pooler such as PgBouncer is between, and what becomes of the limits then: it takes no settings that a session
 * begins with, or leaves its sessions to others with them, so that they are the role's to have. Nothing without a pooler.
 */
export async function checkPooler({ sql, isPooled = false }: Database): Promise<Finding | readonly Finding[]> {
  if (!isPooled) return [];
  const rows = await sql<{ name: string; role: string }[]>`
    SELECT name, current_user AS role FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND setting = '0' ORDER BY name`;
  const found = "connections go through a pooler: statements are not prepared";
  if (rows.length === 0) return ok(`${found}, and the server limits how long one may take`);
  return warning(
    `${found}, and nothing at the server limits how long one may take`,
    rows.map(({ name, role }) => `ALTER ROLE ${role} SET ${name} = '30s'`).join("; "),
  );
}
