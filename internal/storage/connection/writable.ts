import { DatabaseUnusable } from "./errors.ts";
import type { Sql } from "./pool.ts";

const OWNER_URL =
  "set STELLARINDEX_DATABASE_URL to the URL of the owner of the tables (postgres://stellarindex_owner:…)";

/**
 * Checks before any work that trades can be written.
 * @throws DatabaseUnusable if the server is a standby, transactions are read only, or the role lacks the privilege
 */
export async function requireWritable(sql: Sql): Promise<void> {
  const [row] = await sql<{ is_standby: boolean; is_read_only: boolean; may_insert: boolean; role: string }[]>`
    SELECT pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only') = 'on' AS is_read_only,
      has_table_privilege('trades', 'INSERT') AS may_insert, current_user::text AS role`;
  if (row === undefined) return;
  const refuse = (what: string, cure: string): never => {
    throw new DatabaseUnusable(`trades cannot be written: ${what}; ${cure}`);
  };
  if (row.is_standby)
    refuse("the server of [database] url is a standby, which is read only", `${OWNER_URL} on the primary`);
  if (row.is_read_only) {
    refuse(`transactions of ${row.role} are read only here (SHOW default_transaction_read_only)`, OWNER_URL);
  }
  if (!row.may_insert) refuse(`the role ${row.role} may not insert into trades`, OWNER_URL);
}
