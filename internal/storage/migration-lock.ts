import type { Database, Sql } from "./database.ts";
import { DatabaseUnusable } from "./errors.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

// Any number that nothing else uses: migrations run one at a time.
const MIGRATION_LOCK = 7_203_111_840;
const LOCK_NOT_AVAILABLE = "55P03";

export interface LockWait {
  readonly seconds: number;
  /** Told at once who is in the way. */
  readonly log: (line: string) => void;
}

/**
 * Runs `work` in a transaction that holds the lock of migrations. Any role that may connect can take this lock, and a
 * migration beside ours holds it for long: so it is waited for only for a time.
 * @throws DatabaseUnusable that names the holder where the lock was not given up in time
 */
export async function withMigrationLock(
  database: Database,
  { seconds, log }: LockWait,
  work: (sql: Sql) => Promise<void>,
): Promise<void> {
  let isLocked = false;
  try {
    await inTransaction(database.sql, READ_COMMITTED, async (transaction) => {
      const [free] = await transaction<{ yes: boolean }[]>`
        SELECT pg_try_advisory_xact_lock(${String(MIGRATION_LOCK)}::text::bigint) AS yes`;
      if (free?.yes !== true) {
        log(`waiting up to ${seconds} s for the lock of migrations: ${await holderOf(transaction)}`);
        await transaction`SELECT set_config('lock_timeout', ${`${seconds}s`}, true)`;
        await transaction`SELECT pg_advisory_xact_lock(${String(MIGRATION_LOCK)}::text::bigint)`;
      }
      isLocked = true;
      // Whoever reads or writes meanwhile waits behind a lock that is waited for.
      await transaction`SELECT set_config('lock_timeout', '5s', true)`;
      await work(transaction);
    });
  } catch (error) {
    if (isLocked || (error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new DatabaseUnusable(
      `the lock of migrations was not free within ${seconds} s: ${await holderOf(database.sql)}; ` +
        "where that is no migration that still runs, end it as a superuser with SELECT pg_terminate_backend(PID)",
    );
  }
}

/** Who holds the lock, in words. Times of other roles' sessions are shown to members of pg_monitor only. */
async function holderOf(sql: Sql): Promise<string> {
  const [row] = await sql<{ pid: number; role: string; application: string; since: string | null }[]>`
    SELECT pid, usename AS role, application_name AS application, coalesce(xact_start, backend_start)::text AS since
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32 | objid::bigint) = ${String(MIGRATION_LOCK)}::text::bigint AND objsubid = 1 AND granted`;
  if (row === undefined) return "whoever held it has just given it up";
  const since = row.since ?? "a time that only pg_monitor may see";
  return `process ${row.pid} of role ${row.role}, application ${JSON.stringify(row.application)}, holds it since ${since}`;
}
