import { HOUR } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, laterOf, type Micros } from "../../canonical/time.ts";
import type { Database } from "../connection/database.ts";
import type { Sql } from "../connection/pool.ts";
import { planForTimes, readOnly } from "../connection/read-only.ts";
import { timestamptz } from "../connection/timestamptz.ts";
import { inTransaction, READ_COMMITTED } from "../connection/transaction.ts";
import { isHypertable, TIME_TABLES } from "../schema/timescale.ts";
import { storedPairs } from "../trades/stored-pairs.ts";
import type { RetentionSeconds } from "./expire-job.ts";
import { type LockWait, moveHorizon, withBriefLocks } from "./move-horizon.ts";

export type PrunedTable = keyof RetentionSeconds;

export interface PruneOptions extends LockWait {
  /** Called with the progress from 0 to 1. */
  readonly onProgress: (done: number) => void;
}

/** Removed or removable rows of an ordinary table, or chunks of a hypertable. */
export interface Removed {
  readonly unit: "rows" | "chunks";
  readonly count: number;
}

export interface Pruned extends Removed {
  /** The table's horizon; null if nothing was ever removed. */
  readonly completeFrom: Micros | null;
  /** Whether rows before the horizon are left; another run removes them. */
  readonly isInterrupted: boolean;
}

// Rows per transaction, about 50 ms of work.
const BATCH = 5000;

/**
 * Removes rows from before the whole hour at or before `before`. First the table's horizon is moved, which readers obey
 * at once; then rows are deleted in batches. On a hypertable, chunks that lie entirely before the horizon are dropped.
 */
export async function prune(
  database: Database,
  table: PrunedTable,
  before: Micros,
  options: PruneOptions,
): Promise<Pruned> {
  const completeFrom = await moveHorizon(database, table, before, options);
  const isChunked = await isHypertable(database.sql, table);
  let count = 0;
  if (completeFrom !== null) {
    count = isChunked
      ? await dropChunks(database, table, timestamptz(completeFrom), options)
      : await deleteRows(database, table, completeFrom, options);
  }
  // The embedded engine has no autovacuum.
  if (count > 0 && database.engine === "embedded") await database.sql.unsafe(`VACUUM ${table}`);
  return { unit: isChunked ? "chunks" : "rows", count, completeFrom, isInterrupted: options.signal.aborted };
}

/** Counts what {@link prune} would remove now, and returns the horizon that it would set. */
export async function countPrunable(
  database: Database,
  table: PrunedTable,
  before: Micros,
): Promise<Removed & { readonly completeFrom: Micros }> {
  const isChunked = await isHypertable(database.sql, table);
  return readOnly(database, async (sql, horizons) => {
    const hour = floorTo(before, HOUR);
    const completeFrom = laterOf(hour, horizons.get(table) ?? hour);
    if (isChunked)
      return {
        unit: "chunks",
        count: (await chunksBefore(sql, table, timestamptz(completeFrom))).length,
        completeFrom,
      };
    const [row] = await sql<{ rows: string }[]>`
      SELECT count(*)::text AS rows FROM ${sql(table)}
      WHERE ${sql(timeOf(table))} < ${timestamptz(completeFrom)}::timestamptz`;
    return { unit: "rows", count: Number(row?.rows ?? 0), completeFrom };
  });
}

async function deleteRows(
  { sql }: Database,
  table: PrunedTable,
  horizon: Micros,
  { signal, onProgress }: PruneOptions,
): Promise<number> {
  let removed = 0;
  const pairs = await storedPairs(sql, [table]);
  for (const [index, pair] of pairs.entries()) {
    let first: Micros | null = null;
    // Each batch starts at the end of the last one: an index scan from the beginning would visit all deleted entries.
    for (let last: Micros | null = null; ; ) {
      if (signal.aborted) return removed;
      const deleted = await deleteBatch(sql, table, pair, { from: last, to: horizon });
      removed += deleted.count;
      if (deleted.count === 0) break;
      first ??= deleted.first;
      last = deleted.last;
      onProgress((index + Number(last - first) / Number(horizon - first)) / pairs.length);
    }
    onProgress((index + 1) / pairs.length);
  }
  return removed;
}

async function deleteBatch(
  sql: Database["sql"],
  table: PrunedTable,
  pair: Pair,
  { from, to }: { from: Micros | null; to: Micros },
): Promise<{ count: number; first: Micros; last: Micros }> {
  const time = sql(timeOf(table));
  const key =
    table === "trades"
      ? sql`base_asset, quote_asset, ts, source, trade_id`
      : sql`base_asset, quote_asset, bucket, source`;
  return inTransaction(sql, READ_COMMITTED, async (transaction) => {
    await planForTimes(transaction);
    await transaction`SET LOCAL stellarindex.maintenance = 'on'`;
    // Rows are locked in key order, as by writers of late trades, to avoid deadlocks.
    const [row] = await transaction<{ count: string; first: string; last: string }[]>`
      WITH expired AS MATERIALIZED (
        SELECT ${key} FROM ${sql(table)}
        WHERE base_asset = ${pair.base} AND quote_asset = ${pair.quote}
          ${from === null ? sql`` : sql`AND ${time} >= ${timestamptz(from)}::timestamptz`}
          AND ${time} < ${timestamptz(to)}::timestamptz
        ORDER BY ${key} LIMIT ${String(BATCH)}::text::int
        FOR UPDATE
      ),
      deleted AS (
        DELETE FROM ${sql(table)} WHERE (${key}) IN (SELECT ${key} FROM expired) RETURNING ${time} AS at
      )
      SELECT count(*)::text AS count, coalesce(extract(epoch FROM min(at)) * 1000000, 0)::bigint::text AS first,
        coalesce(extract(epoch FROM max(at)) * 1000000, 0)::bigint::text AS last
      FROM deleted`;
    return { count: Number(row?.count ?? 0), first: BigInt(row?.first ?? 0), last: BigInt(row?.last ?? 0) };
  }) as Promise<{ count: number; first: Micros; last: Micros }>;
}

/**
 * Drops the chunks that lie entirely before a time, oldest first, one per transaction, so that readers wait for one
 * chunk at most. Returns the number of dropped chunks.
 * @param before in PostgreSQL's syntax, `infinity` included
 */
export async function dropChunks(
  { sql }: Database,
  table: PrunedTable,
  before: string,
  { onProgress, ...waiting }: PruneOptions,
): Promise<number> {
  const ends = await chunksBefore(sql, table, before);
  for (const [index, end] of ends.entries()) {
    if (waiting.signal.aborted) return index;
    const dropped = await withBriefLocks(
      sql,
      waiting,
      (transaction) => transaction`SELECT drop_chunks(${table}::text::regclass, older_than => ${end}::timestamptz)`,
    );
    if (dropped === null) return index;
    onProgress((index + 1) / ends.length);
  }
  return ends.length;
}

/** Returns the ends of the chunks that lie entirely before a time, oldest first. */
async function chunksBefore(sql: Sql, table: PrunedTable, before: string): Promise<string[]> {
  const rows = await sql<{ range_end: string }[]>`
    SELECT range_end FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table} AND range_end <= ${before}::timestamptz
    ORDER BY range_end`;
  return rows.map(({ range_end }) => range_end);
}

function timeOf(table: PrunedTable): string {
  return TIME_TABLES.find(({ name }) => name === table)?.time ?? "ts";
}
