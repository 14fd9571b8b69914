import type { Sql } from "./database.ts";
import { DatabaseUnusable } from "./errors.ts";

/** An advisory lock that only one transaction has at a time: any number that nothing else uses. */
export interface AdvisoryLock {
  readonly number: number;
  /** Who is kept out by it, in words: `migrations`. */
  readonly of: string;
}

const LOCK_NOT_AVAILABLE = "55P03";
/** Where the session has no limit of its own: longer than what holds these locks takes as a rule. */
const WAIT = "1min";

/**
 * Takes the lock until the transaction ends. Any role that may connect can take it, too: so it is waited for only for a
 * time, and `log` is told at once who is in the way.
 * @throws DatabaseUnusable that names the holder where the lock was not given up in time
 */
export async function takeAdvisoryLock(
  transaction: Sql,
  { number, of }: AdvisoryLock,
  log: (line: string) => void,
): Promise<void> {
  const [free] = await transaction<{ yes: boolean }[]>`
    SELECT pg_try_advisory_xact_lock(${String(number)}::text::bigint) AS yes`;
  if (free?.yes === true) return;
  const [limit] = await transaction<{ before: string; now: string }[]>`
    WITH limits AS (SELECT current_setting('lock_timeout') AS before)
    SELECT before, set_config('lock_timeout', CASE before WHEN '0' THEN ${WAIT} ELSE before END, true) AS now FROM limits`;
  const holder = await holderOf(transaction, number);
  log(`waiting for the lock of ${of} for ${limit?.now} at most: ${holder}`);
  try {
    await transaction`SELECT pg_advisory_xact_lock(${String(number)}::text::bigint)`;
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new DatabaseUnusable(
      `the lock of ${of} was not free within ${limit?.now}: ${holder}; ` +
        "wait until it is done or, where it is stuck or none of ours, end it as a superuser: SELECT pg_terminate_backend(PID)",
    );
  }
  await transaction`SELECT set_config('lock_timeout', ${limit?.before ?? "0"}, true)`;
}

/** Who holds the lock, in words. Times of other roles' sessions are shown to members of pg_monitor only. */
async function holderOf(sql: Sql, lock: number): Promise<string> {
  const [row] = await sql<{ pid: number; role: string; application: string; since: string | null }[]>`
    SELECT pid, usename AS role, application_name AS application, coalesce(xact_start, backend_start)::text AS since
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32 | objid::bigint) = ${String(lock)}::text::bigint AND objsubid = 1 AND granted`;
  if (row === undefined) return "whoever held it has just given it up";
  const since = row.since ?? "a time that only pg_monitor may see";
  return `process ${row.pid} of role ${row.role}, application ${JSON.stringify(row.application)}, holds it since ${since}`;
}
