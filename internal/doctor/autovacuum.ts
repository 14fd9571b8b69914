import type { Sql } from "../storage/database.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Whether the tables are vacuumed and analysed by the server, without which plans and rollups get slow. */
export async function checkAutovacuum(sql: Sql): Promise<Finding[]> {
  const [server] = await sql<{ is_on: boolean }[]>`
    SELECT current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean AS is_on`;
  const rows = await sql<{ table: string }[]>`
    SELECT relname AS table FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname IN ('trades', 'trades_1m', 'trades_1h')
      AND 'autovacuum_enabled=false' = ANY(reloptions)
    ORDER BY relname`;
  const tables = rows.map(({ table }) => table);
  const findings: Finding[] = [];
  if (server?.is_on !== true) {
    findings.push(
      warning(
        "autovacuum is off on the server: plans go by old statistics and dead rows stay",
        "set autovacuum = on and track_counts = on in postgresql.conf, then SELECT pg_reload_conf()",
      ),
    );
  }
  if (tables.length > 0) {
    const cure = tables.map((table) => `ALTER TABLE ${table} RESET (autovacuum_enabled);`).join(" ");
    findings.push(warning(`autovacuum is off for ${tables.join(", ")}`, cure));
  }
  return findings.length > 0 ? findings : [ok("autovacuum is on")];
}
