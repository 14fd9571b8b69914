import type { Sql } from "../storage/database.ts";
import { type Finding, ok, skipped, wrong } from "./finding.ts";

/** What every command reads. */
const TABLES = ["trades", "trades_1m", "trades_1h", "retention_horizons", "stellarindex_migrations"];

/** What the role of this connection may do with our tables. */
export async function checkRights(sql: Sql): Promise<Finding> {
  const rows = await sql<{ role: string; table: string; reads: boolean; writes: boolean }[]>`
    SELECT current_user AS role, relname AS table,
      has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT') AS reads,
      has_table_privilege(pg_class.oid, 'INSERT') AS writes
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND relname = ANY(${TABLES}::text[])
    ORDER BY relname`;
  const [first] = rows;
  if (first === undefined) return skipped("there are no tables yet; see migrations");
  const role = `role ${JSON.stringify(first.role)}`;
  const writes = rows.some(({ table, writes }) => table === "trades" && writes);
  const unread = rows.filter(({ reads }) => !reads).map(({ table }) => table);
  if (writes && unread.length === rows.length) {
    return wrong(
      `${role} is a decoder's: it may add trades and read nothing, as it should`,
      "set [database] url to a role that reads: stellarindex_reader for the daemons, the owner of the tables for commands that change something",
    );
  }
  if (unread.length > 0) {
    return wrong(
      `${role} may not read ${unread.join(", ")}`,
      `GRANT USAGE ON SCHEMA public TO "${first.role}"; GRANT SELECT ON ${unread.join(", ")} TO "${first.role}";`,
    );
  }
  return ok(`${role} may read all tables and ${writes ? "add trades" : "add no trades (import and decoders do)"}`);
}
