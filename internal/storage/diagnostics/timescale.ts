import type { Sql } from "../connection/pool.ts";

export interface TimescaleVersion {
  readonly version: string;
  /** `timescale` (compression and jobs) or `apache`. */
  readonly license: string;
}

/** A TimescaleDB job on trades or rollups. */
export interface Job {
  readonly id: number;
  readonly procedure: string;
  readonly table: string;
  /** Age at which chunks are compressed, as an interval; null for other jobs. */
  readonly compressAfter: string | null;
  /** Retention in seconds; null for other jobs. */
  readonly keepSeconds: number | null;
  readonly isScheduled: boolean;
  readonly lastStatus: string | null;
  /** Start of the last run, as text. */
  readonly lastRun: string | null;
  readonly failures: number;
  /** Message of the last failure; null if none or the role may not see it. */
  readonly lastError: string | null;
}

/** Returns version and licence of the extension in this database; null where it is not installed. */
export async function readTimescaleVersion(sql: Sql): Promise<TimescaleVersion | null> {
  const [found] = await sql<TimescaleVersion[]>`
    SELECT extversion AS version, current_setting('timescaledb.license') AS license
    FROM pg_extension WHERE extname = 'timescaledb'`;
  return found ?? null;
}

/** Returns the compression and retention jobs of trades and rollups. */
export async function readJobs(sql: Sql): Promise<Job[]> {
  const rows = await sql<
    {
      id: number;
      procedure: string;
      table: string;
      compress_after: string | null;
      keep_seconds: string | null;
      scheduled: boolean;
      last_status: string | null;
      last_run: string | null;
      failures: string | null;
      last_error: string | null;
    }[]
  >`
    SELECT job_id AS id, proc_name AS procedure, coalesce(job.hypertable_name, config->>'table') AS table,
      config->>'compress_after' AS compress_after, config->>'keep_seconds' AS keep_seconds, scheduled,
      last_run_status AS last_status, last_run_started_at::text AS last_run, total_failures::text AS failures,
      (
        SELECT err_message FROM timescaledb_information.job_errors AS failed
        WHERE failed.job_id = job.job_id ORDER BY finish_time DESC LIMIT 1
      ) AS last_error
    FROM timescaledb_information.jobs AS job
    LEFT JOIN timescaledb_information.job_stats USING (job_id)
    WHERE proc_name = 'stellarindex_expire'
      OR job.hypertable_schema = 'public' AND job.hypertable_name IN ('trades', 'trades_1m', 'trades_1h')
    ORDER BY job_id`;
  return rows.map((row) => ({
    id: row.id,
    procedure: row.procedure,
    table: row.table,
    compressAfter: row.compress_after,
    keepSeconds: row.keep_seconds === null ? null : Number(row.keep_seconds),
    isScheduled: row.scheduled,
    lastStatus: row.last_status,
    lastRun: row.last_run,
    failures: Number(row.failures ?? 0),
    lastError: row.last_error,
  }));
}
