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
  // What a statement may take is put off: it would end the wait without a word of who is in the way.
  const [limit] = await transaction<{ lock: string; statement: string; now: string }[]>`
    WITH limits AS (SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement)
    SELECT lock, statement, set_config('lock_timeout', CASE lock WHEN '0' THEN ${WAIT} ELSE lock END, true) AS now,
      set_config('statement_timeout', '0', true) FROM limits`;
  const { who, end } = await holderOf(transaction, number);
  log(`waiting for the lock of ${of} for ${limit?.now} at most: ${who}`);
  try {
    await transaction`SELECT pg_advisory_xact_lock(${String(number)}::text::bigint)`;
  } catch (error) {
    if ((error as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new DatabaseUnusable(
      `the lock of ${of} was not free within ${limit?.now}: ${who}; ` +
        `wait until it is done or, where it is stuck or none of ours, end it as a superuser: ${end}`,
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
 * Who holds the lock. Times of other roles' sessions are shown to members of pg_monitor only. A transaction that was prepared
 * for a commit in two phases belongs to no session any more, and outlives the server.
 */
async function holderOf(sql: Sql, lock: number): Promise<Holder> {
  const [row] = await sql<
    { pid: number | null; gid: string | null; role: string; application: string | null; since: string | null }[]
  >`
    SELECT held.pid, gid, coalesce(usename, owner) AS role, application_name AS application,
      coalesce(prepared, xact_start, backend_start)::text AS since
    FROM pg_locks AS held LEFT JOIN pg_stat_activity USING (pid)
    -- One that was prepared holds, like any other, its own number as well.
    LEFT JOIN pg_locks AS own ON held.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
      AND own.virtualtransaction = held.virtualtransaction
    LEFT JOIN pg_prepared_xacts ON transaction = own.transactionid
    WHERE held.locktype = 'advisory' AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (held.classid::bigint << 32 | held.objid::bigint) = ${String(lock)}::text::bigint
      AND held.objsubid = 1 AND held.granted`;
  if (row === undefined)
    return { who: "whoever held it has just given it up", end: "SELECT pg_terminate_backend(PID)" };
  const since = row.since ?? "a time that only pg_monitor may see";
  if (row.gid !== null) {
    const gid = `'${row.gid.replaceAll("'", "''")}'`;
    return {
      who: `the prepared transaction ${gid} of role ${row.role} holds it since ${since}`,
      end: `ROLLBACK PREPARED ${gid}`,
    };
  }
  return {
    who: `process ${row.pid} of role ${row.role}, application ${JSON.stringify(row.application)}, holds it since ${since}`,
    end: `SELECT pg_terminate_backend(${row.pid})`,
  };
}
