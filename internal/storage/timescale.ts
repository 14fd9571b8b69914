import type { Sql } from "./database.ts";
import { DatabaseUnusable } from "./errors.ts";

/** `auto`: use TimescaleDB where it is preloaded; `require`: refuse to go without; `off`: plain tables. */
export type TimescaleMode = "auto" | "require" | "off";

/** How long each table keeps its rows, in seconds; 0 is for ever. */
export interface RetentionSeconds {
  readonly trades: number;
  readonly trades_1m: number;
  readonly trades_1h: number;
}

/** The tables with a retention, and the column of time in each. */
export const TABLES = [
  { name: "trades", time: "ts", chunk: "1 day", orderBy: "ts, trade_id" },
  { name: "trades_1m", time: "bucket", chunk: "7 days", orderBy: "bucket" },
  { name: "trades_1h", time: "bucket", chunk: "90 days", orderBy: "bucket" },
] as const;
const LEFT_OUT_RETENTION =
  "left out: jobs that apply [database.retention]; run stellarindex prune every day, for instance from cron";
const SEGMENT_BY = "base_asset, quote_asset, source";
const COMPRESS_AFTER = "7 days";

/**
 * Turns the tables into hypertables with compression and retention where TimescaleDB is there for it, and says what it
 * leaves out. Safe to run again: settings follow the config.
 * @throws DatabaseUnusable where it is required and missing
 */
export async function setUpTimescale(
  sql: Sql,
  options: { timescaledb: TimescaleMode; retention: RetentionSeconds; log: (line: string) => void },
): Promise<void> {
  const { timescaledb: mode, retention, log } = options;
  const obstacle = mode === "off" ? "[database] timescaledb is off" : await obstacleToTimescale(sql);
  if (obstacle !== null) {
    if (mode === "require") {
      throw new DatabaseUnusable(
        `[database] timescaledb = "require", but ${obstacle}; install and preload TimescaleDB, or use "auto"`,
      );
    }
    log(`plain PostgreSQL tables: ${obstacle}`);
    if (Object.values(retention).some((seconds) => seconds > 0)) {
      log(LEFT_OUT_RETENTION);
    }
    return;
  }
  await sql`CREATE EXTENSION IF NOT EXISTS timescaledb`;
  // Rows that are there already are moved into chunks, and their old table is truncated.
  await sql`SET LOCAL stellarindex.maintenance = 'on'`;
  for (const { name, time, chunk } of TABLES) {
    await sql.unsafe(
      `SELECT create_hypertable('${name}', by_range('${time}', interval '${chunk}'), if_not_exists => true, migrate_data => true)`,
    );
  }
  await sql`SET LOCAL stellarindex.maintenance = 'off'`;
  log("hypertables: trades, trades_1m, trades_1h");
  const [license] = await sql<{ license: string }[]>`SELECT current_setting('timescaledb.license') AS license`;
  if (license?.license !== "timescale") {
    log(`left out: compression needs timescaledb.license = 'timescale', it is '${license?.license}'`);
    if (Object.values(retention).some((seconds) => seconds > 0)) log(LEFT_OUT_RETENTION);
    return;
  }
  await compressOldTrades(sql);
  await keepRetention(sql, retention, log);
}

/** Whether the table is kept in chunks by TimescaleDB, or is an ordinary one. */
export async function isHypertable(sql: Sql, table: string): Promise<boolean> {
  const [extension] = await sql`SELECT FROM pg_extension WHERE extname = 'timescaledb'`;
  if (extension === undefined) return false;
  const [hypertable] = await sql`
    SELECT FROM timescaledb_information.hypertables
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table}`;
  return hypertable !== undefined;
}

/** Why TimescaleDB cannot be used here, or null. */
export async function obstacleToTimescale(sql: Sql): Promise<string | null> {
  const [available] = await sql`SELECT FROM pg_available_extensions WHERE name = 'timescaledb'`;
  if (available === undefined) return "TimescaleDB is not installed on the server";
  // Its loader defines this setting when it is preloaded; shared_preload_libraries itself is for superusers to read.
  const [preloaded] = await sql<{ yes: boolean }[]>`
    SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL AS yes`;
  if (preloaded?.yes !== true) return "TimescaleDB is not in shared_preload_libraries";
  return null;
}

async function compressOldTrades(sql: Sql): Promise<void> {
  const [trades] = TABLES;
  await sql.unsafe(
    `ALTER TABLE ${trades.name} SET (timescaledb.compress, timescaledb.compress_segmentby = '${SEGMENT_BY}',
       timescaledb.compress_orderby = '${trades.orderBy}')`,
  );
  await sql.unsafe(
    `SELECT add_compression_policy('${trades.name}', compress_after => interval '${COMPRESS_AFTER}', if_not_exists => true)`,
  );
}

/**
 * One job per table with a retention. Each run drops what the run before had declared expired, then moves the horizon:
 * a question that began before the horizon moved still finds its rows.
 */
async function keepRetention(sql: Sql, retention: RetentionSeconds, log: (line: string) => void): Promise<void> {
  const [extension] = await sql<{ schema: string }[]>`
    SELECT quote_ident(nspname) AS schema FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE extname = 'timescaledb'`;
  await sql.unsafe(retentionProcedure(extension?.schema ?? "public"));
  await sql`SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'stellarindex_expire'`;
  for (const { name } of TABLES) {
    const seconds = retention[name];
    if (seconds === 0) continue;
    const config = JSON.stringify({ table: name, keep_seconds: seconds });
    await sql`SELECT add_job('public.stellarindex_expire', interval '1 hour', config => ${config}::text::jsonb)`;
    log(`retention: ${name} keeps ${seconds} seconds`);
  }
}

/**
 * Its jobs run with the owner's rights: names are qualified, and nothing is looked for in a schema where others may create.
 * @param extension the schema of TimescaleDB's own functions, quoted
 */
const retentionProcedure = (extension: string): string => `
CREATE OR REPLACE PROCEDURE public.stellarindex_expire(job_id integer, config jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Ingest waits behind a lock that is waited for: rather fail, and run again an hour later.
SET lock_timeout = '2s'
AS $$
DECLARE
  expired text := config->>'table';
  horizon timestamptz;
BEGIN
  SELECT complete_from INTO horizon FROM public.retention_horizons WHERE table_name = expired;
  IF isfinite(horizon) THEN
    PERFORM ${extension}.drop_chunks(format('public.%I', expired)::regclass, older_than => horizon);
  END IF;
  LOCK TABLE public.retention_horizons IN ACCESS EXCLUSIVE MODE;
  UPDATE public.retention_horizons
  SET complete_from = greatest(
    complete_from,
    date_bin('1 hour', now() - make_interval(secs => (config->>'keep_seconds')::double precision), timestamptz 'epoch')
  )
  WHERE table_name = expired;
END
$$`;
