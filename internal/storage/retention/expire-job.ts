import type { Sql } from "../connection/pool.ts";

/** Retention of each table in seconds; 0 keeps rows forever. */
export interface RetentionSeconds {
  readonly trades: number;
  readonly trades_1m: number;
  readonly trades_1h: number;
}

/** Offset between the starts of the jobs, so that none waits for another. */
const MINUTES_APART = 5;

/**
 * Schedules one TimescaleDB job per table with a retention, and removes existing ones.
 * @param log called with a line per table
 */
export async function scheduleRetention(
  sql: Sql,
  retention: RetentionSeconds,
  log: (line: string) => void,
): Promise<void> {
  const [extension] = await sql<{ schema: string }[]>`
    SELECT quote_ident(nspname) AS schema FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'timescaledb'`;
  await sql.unsafe(expireProcedure(extension?.schema ?? "public"));
  await sql`SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'stellarindex_expire'`;
  const kept = Object.entries(retention).filter(([, seconds]) => seconds > 0);
  for (const [index, [table, seconds]] of kept.entries()) {
    const config = JSON.stringify({ table, keep_seconds: seconds });
    await sql`
      SELECT add_job(
        'public.stellarindex_expire', interval '1 hour', config => ${config}::text::jsonb,
        initial_start => now() + make_interval(mins => ${String(1 + index * MINUTES_APART)}::text::int)
      )`;
    log(`retention: ${table} keeps ${seconds} seconds`);
  }
}

/**
 * Settings of each transaction of a run. Other statements queue behind a waiting lock request, so lock_timeout is
 * short.
 */
const SETTINGS = `PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
      pg_catalog.set_config('lock_timeout', '500ms', true);`;

/**
 * The procedure of the jobs. It moves the table's horizon, waiting for transactions that read or write before it. Then
 * it drops the chunks entirely before the horizon, oldest first, one per transaction: progress is kept, and only the
 * locks of one chunk are held. No transaction holds locks on both the horizons and chunks, so that jobs cannot
 * deadlock.
 *
 * It runs with the owner's privileges, so names are qualified, and search_path has no schema where others may create. A
 * procedure with a SET clause cannot commit, so each transaction sets these settings itself.
 * @param extension schema of TimescaleDB's functions, quoted
 */
const expireProcedure = (extension: string): string => `
CREATE OR REPLACE PROCEDURE public.stellarindex_expire(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
  expired text;
  horizon timestamptz;
  is_moved boolean;
  chunk_ends timestamptz[];
  chunk_end timestamptz;
  is_dropped boolean;
BEGIN
  is_moved := false;
  FOR attempt IN 1..5 LOOP
    ${SETTINGS}
    expired := config->>'table';
    BEGIN
      LOCK TABLE public.retention_horizons IN ACCESS EXCLUSIVE MODE;
      UPDATE public.retention_horizons
      SET complete_from = greatest(
        complete_from,
        date_bin('1 hour', now() - make_interval(secs => (config->>'keep_seconds')::double precision), timestamptz 'epoch')
      )
      WHERE table_name = expired;
      is_moved := true;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      NULL;
    END;
    COMMIT;
    EXIT WHEN is_moved;
    PERFORM pg_catalog.pg_sleep(1);
  END LOOP;

  ${SETTINGS}
  SELECT complete_from INTO horizon FROM public.retention_horizons WHERE table_name = expired;
  IF isfinite(horizon) THEN
    SELECT array_agg(range_end ORDER BY range_end) INTO chunk_ends FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = expired AND range_end <= horizon;
  END IF;
  chunk_ends := coalesce(chunk_ends, ARRAY[]::timestamptz[]);
  COMMIT;
  FOREACH chunk_end IN ARRAY chunk_ends LOOP
    is_dropped := false;
    FOR attempt IN 1..5 LOOP
      ${SETTINGS}
      BEGIN
        PERFORM ${extension}.drop_chunks(format('public.%I', expired)::regclass, older_than => chunk_end);
        is_dropped := true;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        NULL;
      END;
      COMMIT;
      EXIT WHEN is_dropped;
      PERFORM pg_catalog.pg_sleep(1);
    END LOOP;
    IF NOT is_dropped THEN
      RAISE EXCEPTION 'the chunk of % that ends at % could not be dropped: other transactions use it', expired, chunk_end
        USING ERRCODE = 'lock_not_available', HINT = 'The next run goes on there';
    END IF;
  END LOOP;
  IF NOT is_moved THEN
    RAISE EXCEPTION 'the horizon of % could not be moved: other transactions read or write trades all the while', expired
      USING ERRCODE = 'lock_not_available', HINT = 'The next run tries again';
  END IF;
END
$$`;
