import type { Sql } from "../connection/pool.ts";

export interface UnlimitedTimeout {
  /** Name of the setting. */
  readonly name: string;
  /** Role of this connection. */
  readonly role: string;
}

/** Returns the timeouts of statements and idle transactions that are 0 (off) on this connection. */
export async function readUnlimitedTimeouts(sql: Sql): Promise<UnlimitedTimeout[]> {
  return sql<UnlimitedTimeout[]>`
    SELECT name, current_user AS role FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') AND setting = '0' ORDER BY name`;
}
