import type { Micros } from "../../canonical/time.ts";
import type { Sql } from "../connection/pool.ts";

/** Returns the server version as number (150020) and text ("15.20"). */
export async function readServerVersion(sql: Sql): Promise<{ readonly number: number; readonly text: string }> {
  const [row] = await sql<{ number: number; text: string }[]>`
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`;
  return row ?? { number: 0, text: "" };
}

/** Returns whether this role sees the state of the WAL receiver, which takes the rights of pg_read_all_stats. */
export async function mayReadAllStats(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ may_see: boolean }[]>`
    SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS may_see`;
  return row?.may_see === true;
}

/** Returns the database's clock. */
export async function readDatabaseTime(sql: Sql): Promise<Micros> {
  const [row] = await sql<{ now: string }[]>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS now`;
  return BigInt(row?.now ?? 0);
}
