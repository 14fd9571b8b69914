import { DatabaseUnusable } from "../connection/errors.ts";
import type { Sql } from "../connection/pool.ts";
import { type RetentionSeconds, scheduleRetention } from "../retention/expire-job.ts";

/** `auto`: use TimescaleDB if it is preloaded; `require`: fail without it; `off`: plain tables. */
export type TimescaleMode = "auto" | "require" | "off";

/** Tables with retention: time column, chunk length in days, sort order when compressed, and the creating migration. */
export const TIME_TABLES = [
  { name: "trades", time: "ts", chunkDays: 1, orderBy: "ts, trade_id", since: 1 },
  { name: "trades_1m", time: "bucket", chunkDays: 7, orderBy: "bucket", since: 2 },
  { name: "trades_1h", time: "bucket", chunkDays: 90, orderBy: "bucket", since: 2 },
] as const;
/** Most chunks that existing rows are moved into: one transaction locks all of them with their indexes. */
const MOST_MIGRATED_CHUNKS = 200;
const SKIPPED_RETENTION =
  "skipped: jobs that apply [database.retention]; run stellarindex prune daily, for instance from cron";
const SEGMENT_BY = "base_asset, quote_asset, source";
const COMPRESS_AFTER = "7 days";

/**
 * Converts the tables to hypertables with compression and retention jobs if TimescaleDB is available, and logs what it
 * skips. Idempotent: settings follow the configuration.
 * @throws DatabaseUnusable if TimescaleDB is required and missing
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
      log(SKIPPED_RETENTION);
    }
    return;
  }
  await sql`CREATE EXTENSION IF NOT EXISTS timescaledb`;
  // create_hypertable moves existing rows into chunks and truncates the old table, which triggers forbid otherwise.
  await sql`SET LOCAL stellarindex.maintenance = 'on'`;
  for (const { name, time, chunkDays } of TIME_TABLES) {
    if (await isHypertable(sql, name)) continue;
    const days = Math.max(chunkDays, Math.ceil((await daysOfRollups(sql)) / MOST_MIGRATED_CHUNKS));
    await sql.unsafe(
      `SELECT create_hypertable('${name}', by_range('${time}', interval '${days} days'), migrate_data => true)`,
    );
    if (days === chunkDays) continue;
    await sql.unsafe(`SELECT set_chunk_time_interval('${name}', interval '${chunkDays} days')`);
    log(`${name}: existing rows go into chunks of ${days} days, new rows into chunks of ${chunkDays}`);
  }
  await sql`SET LOCAL stellarindex.maintenance = 'off'`;
  log("hypertables: trades, trades_1m, trades_1h");
  const [license] = await sql<{ license: string }[]>`SELECT current_setting('timescaledb.license') AS license`;
  if (license?.license !== "timescale") {
    log(`skipped: compression needs timescaledb.license = 'timescale', it is '${license?.license}'`);
    if (Object.values(retention).some((seconds) => seconds > 0)) log(SKIPPED_RETENTION);
    return;
  }
  await compressOldTrades(sql);
  await scheduleRetention(sql, retention, log);
}

/** Returns how many days the stored rows span. */
async function daysOfRollups(sql: Sql): Promise<number> {
  const [row] = await sql<{ days: number | null }[]>`
    SELECT (extract(epoch FROM max(bucket) - min(bucket)) / 86400)::float8 AS days FROM trades_1h`;
  return row?.days ?? 0;
}

/** Returns whether the table is a hypertable of TimescaleDB. */
export async function isHypertable(sql: Sql, table: string): Promise<boolean> {
  const [extension] = await sql`SELECT FROM pg_extension WHERE extname = 'timescaledb'`;
  if (extension === undefined) return false;
  const [hypertable] = await sql`
    SELECT FROM timescaledb_information.hypertables
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table}`;
  return hypertable !== undefined;
}

/** Returns why TimescaleDB cannot be used here, or null. */
export async function obstacleToTimescale(sql: Sql): Promise<string | null> {
  const [available] = await sql`SELECT FROM pg_available_extensions WHERE name = 'timescaledb'`;
  if (available === undefined) return "TimescaleDB is not installed on the server";
  // The preloaded library defines this setting; only superusers may read shared_preload_libraries.
  const [preloaded] = await sql<{ yes: boolean }[]>`
    SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL AS yes`;
  if (preloaded?.yes !== true) return "TimescaleDB is not in shared_preload_libraries";
  return null;
}

async function compressOldTrades(sql: Sql): Promise<void> {
  const [trades] = TIME_TABLES;
  await sql.unsafe(
    `ALTER TABLE ${trades.name} SET (timescaledb.compress, timescaledb.compress_segmentby = '${SEGMENT_BY}',
       timescaledb.compress_orderby = '${trades.orderBy}')`,
  );
  await sql.unsafe(
    `SELECT add_compression_policy('${trades.name}', compress_after => interval '${COMPRESS_AFTER}', if_not_exists => true)`,
  );
}
