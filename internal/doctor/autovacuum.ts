import type { Sql } from "../storage/connection/pool.ts";
import { readAutovacuum } from "../storage/diagnostics/autovacuum.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Checks that autovacuum is on: without it, dead rows and old statistics make queries and rollups slow. */
export async function checkAutovacuum(sql: Sql): Promise<Finding[]> {
  const { isOn, disabledTables } = await readAutovacuum(sql);
  const findings: Finding[] = [];
  if (!isOn) {
    findings.push(
      warning(
        "autovacuum is off on the server: statistics become outdated and dead rows are not removed",
        "set autovacuum = on and track_counts = on in postgresql.conf, then SELECT pg_reload_conf()",
      ),
    );
  }
  if (disabledTables.length > 0) {
    const cure = disabledTables.map((table) => `ALTER TABLE ${table} RESET (autovacuum_enabled);`).join(" ");
    findings.push(warning(`autovacuum is off for ${disabledTables.join(", ")}`, cure));
  }
  return findings.length > 0 ? findings : [ok("autovacuum is on")];
}
