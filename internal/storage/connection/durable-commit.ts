import type { Sql } from "./pool.ts";

/** Has the commit of a transaction wait for the disk, where the server's default does not. */
export async function commitDurably(transaction: Sql): Promise<void> {
  await transaction`
    SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`;
}
