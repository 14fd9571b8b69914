import type { Database, Sql } from "../storage/database.ts";
import { findIntruders } from "../storage/intruders.ts";
import { type Finding, ok, skipped, wrong } from "./finding.ts";

/** Whether others may make something in the schema of the tables that statements would take for the server's own. */
export async function checkSchema(database: Pick<Database, "sql" | "engine">): Promise<Finding[]> {
  if (database.engine === "embedded") return [skipped("the embedded database has one role")];
  const findings = (await findIntruders(database)).map(({ what, cure }) => wrong(`there is ${what}`, cure));
  const makers = await readMakers(database.sql);
  if (makers.length > 0) {
    findings.push(
      wrong(
        `${makers.join(", ")} may create in schema public: a function made there can run with the owner's rights`,
        `REVOKE CREATE ON SCHEMA public FROM ${makers.join(", ")};`,
      ),
    );
  }
  return findings.length > 0 ? findings : [ok("nobody but the owner may create in schema public")];
}

/** Who was granted to create in the schema, besides superusers and the owners of the schema, the database and the tables. */
async function readMakers(sql: Sql): Promise<string[]> {
  const rows = await sql<{ role: string }[]>`
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::pg_catalog.regrole::text END AS role
    FROM pg_catalog.pg_namespace CROSS JOIN LATERAL pg_catalog.aclexplode(nspacl)
    WHERE nspname = 'public'::name AND privilege_type = 'CREATE'::text AND grantee <> nspowner
      AND grantee NOT IN (
        SELECT oid FROM pg_catalog.pg_roles WHERE rolsuper OR rolname = 'pg_database_owner'::name
        UNION SELECT datdba FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()
        UNION SELECT relowner FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('public.trades'::text)
      )
    ORDER BY role`;
  return rows.map(({ role }) => role);
}
