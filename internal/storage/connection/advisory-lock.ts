import { DatabaseUnusable } from "./errors.ts";
import type { Sql } from "./pool.ts";

/** An advisory lock: its number must be unique within the database. */
export interface AdvisoryLock {
  readonly number: number;
  /** What it serializes, for messages: `migrations`. */
  readonly of: string;
}

const LOCK_NOT_AVAILABLE = "55P03";
/** Default lock_timeout for sessions without one; longer than these locks are usually held. */
const DEFAULT_WAIT = "1min";

/**
 * Takes the lock until the transaction ends. Any role that may connect can hold it, so the wait has a timeout, and the
 * holder is logged as soon as the wait begins.
 * @throws DatabaseUnusable that names the holder if the wait times out
 */
export async function takeAdvisoryLock(
  transaction: Sql,
  { number, of }: AdvisoryLock,
  log: (line: string) => void,
): Promise<void> {
  const [free] = await transaction<{ yes: boolean }[]>`
    SELECT pg_try_advisory_xact_lock(${String(number)}::text::bigint) AS yes`;
  if (free?.yes === true) return;
  // statement_timeout is lifted: its error would not name the holder.
  const [limit] = await transaction<{ lock: string; statement: string; now: string }[]>`
    WITH limits AS (SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement)
    SELECT lock, statement, set_config('lock_timeout', CASE lock WHEN '0' THEN ${DEFAULT_WAIT} ELSE lock END, true) AS now,
      set_config('statement_timeout', '0', true) FROM limits`;
  const { who, end } = await holderOf(transaction, number);
  log(`waiting up to ${limit?.now} for the ${of} lock: ${who}`);
  try {
    await transaction`SELECT pg_advisory_xact_lock(${String(number)}::text::bigint)`;
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new DatabaseUnusable(
      `the ${of} lock was not released within ${limit?.now}: ${who}; ` +
        `wait until the holder finishes or, if it is stuck or unknown, end it as a superuser: ${end}`,
    );
  }
  await transaction`
    SELECT set_config('lock_timeout', ${limit?.lock ?? "0"}, true),
      set_config('statement_timeout', ${limit?.statement ?? "0"}, true)`;
}

interface Holder {
  readonly who: string;
  /** The statement that ends it. */
  readonly end: string;
}

/**
 * Returns the holder of the lock. Only members of pg_monitor see the times of other roles' sessions. A prepared
 * transaction (two-phase commit) belongs to no session and survives a server restart.
 */
async function holderOf(sql: Sql, lock: number): Promise<Holder> {
  const [row] = await sql<
    { pid: number | null; gid: string | null; role: string; application: string | null; since: string | null }[]
  >`
    SELECT held.pid, gid, coalesce(usename, owner) AS role, application_name AS application,
      coalesce(prepared, xact_start, backend_start)::text AS since
    FROM pg_locks AS held LEFT JOIN pg_stat_activity USING (pid)
    -- A prepared transaction also holds a lock on its own transaction id, which leads to pg_prepared_xacts.
    LEFT JOIN pg_locks AS own ON held.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
      AND own.virtualtransaction = held.virtualtransaction
    LEFT JOIN pg_prepared_xacts ON transaction = own.transactionid
    WHERE held.locktype = 'advisory' AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (held.classid::bigint << 32 | held.objid::bigint) = ${String(lock)}::text::bigint
      AND held.objsubid = 1 AND held.granted`;
  if (row === undefined) return { who: "the holder has just released it", end: "SELECT pg_terminate_backend(PID)" };
  const since = row.since ?? "an unknown time (only pg_monitor sees it)";
  if (row.gid !== null) {
    const gid = `'${row.gid.replaceAll("'", "''")}'`;
    return {
      who: `held since ${since} by the prepared transaction ${gid} of role ${row.role}`,
      end: `ROLLBACK PREPARED ${gid}`,
    };
  }
  return {
    who: `held since ${since} by process ${row.pid} of role ${row.role}, application ${JSON.stringify(row.application)}`,
    end: `SELECT pg_terminate_backend(${row.pid})`,
  };
}
