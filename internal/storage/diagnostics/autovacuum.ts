import type { Sql } from "../connection/pool.ts";

export interface Autovacuum {
  /** Whether `autovacuum` and `track_counts` are both on; the daemon needs both. */
  readonly isOn: boolean;
  /** Rollup and trade tables with `autovacuum_enabled = false`. */
  readonly disabledTables: readonly string[];
}

/** Returns whether the server vacuums, and the tables that are excluded from it. */
export async function readAutovacuum(sql: Sql): Promise<Autovacuum> {
  const [server] = await sql<{ is_on: boolean }[]>`
    SELECT current_setting('autovacuum')::boolean AND current_setting('track_counts')::boolean AS is_on`;
  const rows = await sql<{ table: string }[]>`
    SELECT relname AS table FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname IN ('trades', 'trades_1m', 'trades_1h')
      AND 'autovacuum_enabled=false' = ANY(reloptions)
    ORDER BY relname`;
  return { isOn: server?.is_on === true, disabledTables: rows.map(({ table }) => table) };
}
