import type { Sql } from "./database.ts";
import { DatabaseUnusable } from "./errors.ts";
import { scheduleRetention } from "./retention-job.ts";

/** `auto`: use TimescaleDB where it is preloaded; `require`: refuse to go without; `off`: plain tables. */
export type TimescaleMode = "auto" | "require" | "off";

/** How long each table keeps its rows, in seconds; 0 is for ever. */
export interface RetentionSeconds {
  readonly trades: number;
  readonly trades_1m: number;
  readonly trades_1h: number;
}

/** The tables with a retention, the column of time in each, how many days its chunks are long, and the migration that makes it. */
export const TABLES = [
  { name: "trades", time: "ts", chunkDays: 1, orderBy: "ts, trade_id", since: 1 },
  { name: "trades_1m", time: "bucket", chunkDays: 7, orderBy: "bucket", since: 2 },
  { name: "trades_1h", time: "bucket", chunkDays: 90, orderBy: "bucket", since: 2 },
] as const;
/** How many chunks rows are moved into at most, all in one transaction: it locks each of them with its indexes. */
const MOST_MOVED_INTO = 200;
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
  for (const { name, time, chunkDays } of TABLES) {
    if (await isHypertable(sql, name)) continue;
    const days = Math.max(chunkDays, Math.ceil((await daysOfRollups(sql)) / MOST_MOVED_INTO));
    await sql.unsafe(
      `SELECT create_hypertable('${name}', by_range('${time}', interval '${days} days'), migrate_data => true)`,
    );
    if (days === chunkDays) continue;
    await sql.unsafe(`SELECT set_chunk_time_interval('${name}', interval '${chunkDays} days')`);
    log(`${name}: what is there goes into chunks of ${days} days, new rows into chunks of ${chunkDays}`);
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
  await scheduleRetention(sql, retention, log);
}

/** Over how many days the rows reach. */
async function daysOfRollups(sql: Sql): Promise<number> {
  const [row] = await sql<{ days: number | null }[]>`
    SELECT (extract(epoch FROM max(bucket) - min(bucket)) / 86400)::float8 AS days FROM trades_1h`;
  return row?.days ?? 0;
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
