import type { Sql } from "../connection/pool.ts";

export interface TablePrivileges {
  /** Role of this connection. */
  readonly role: string;
  readonly table: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

const TABLES = ["trades", "trades_1m", "trades_1h", "retention_horizons", "stellarindex_migrations"];

/** Returns what this role may do with each table of the schema that exists. */
export async function readTablePrivileges(sql: Sql): Promise<TablePrivileges[]> {
  return sql<TablePrivileges[]>`
    SELECT current_user AS role, relname AS table,
      has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT') AS reads,
      has_table_privilege(pg_class.oid, 'INSERT') AS writes
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'public' AND relname = ANY(${TABLES}::text[])
    ORDER BY relname`;
}
