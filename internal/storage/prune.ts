import { HOUR } from "../canonical/bucket.ts";
import type { Pair } from "../canonical/pair.ts";
import { floorTo, laterOf, type Micros } from "../canonical/time.ts";
import type { Database, Sql } from "./database.ts";
import { moment } from "./moment.ts";
import { planForTimes, readOnly } from "./read-only.ts";
import { moveHorizon, type Waiting, withBriefLocks } from "./retention-horizon.ts";
import { storedPairs } from "./stored-pairs.ts";
import { isHypertable, type RetentionSeconds, TABLES } from "./timescale.ts";
import { inTransaction, READ_COMMITTED } from "./transaction.ts";

export type PrunedTable = keyof RetentionSeconds;

export interface PruneOptions extends Waiting {
  /** How much is done, from 0 to 1. */
  readonly onProgress: (done: number) => void;
}

/** What was removed, or would be: rows of an ordinary table, whole chunks of a hypertable. */
export interface Removed {
  readonly unit: "rows" | "chunks";
  readonly count: number;
}

export interface Pruned extends Removed {
  /** From when on the table is complete; null where nothing was ever removed. */
  readonly completeFrom: Micros | null;
  /** Rows from before are left; running it again goes on. */
  readonly isInterrupted: boolean;
}

// Some 50 ms of work.
const BATCH = 5000;

/**
 * Removes what lies before the whole hour at or before `before`. First the table's horizon moves, which decides what is
 * answered from then on; then the rows go, in transactions of their own. On a hypertable chunks are dropped once they lie
 * before the horizon as a whole.
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
      ? await dropChunks(database, table, moment(completeFrom), options)
      : await deleteRows(database, table, completeFrom, options);
  }
  // The embedded engine has nobody else who would make the room usable again.
  if (count > 0 && database.engine === "embedded") await database.sql.unsafe(`VACUUM ${table}`);
  return { unit: isChunked ? "chunks" : "rows", count, completeFrom, isInterrupted: options.signal.aborted };
}

/** What {@link prune} would remove now, and from when on the table would be complete. */
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
      return { unit: "chunks", count: (await chunksBefore(sql, table, moment(completeFrom))).length, completeFrom };
    const [row] = await sql<{ rows: string }[]>`
      SELECT count(*)::text AS rows FROM ${sql(table)}
      WHERE ${sql(timeOf(table))} < ${moment(completeFrom)}::timestamptz`;
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
    // The index would lead through what was deleted before: each batch begins where the last one ended.
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
    // Locked in key order, as writers of late trades lock rollups.
    const [row] = await transaction<{ count: string; first: string; last: string }[]>`
      WITH expired AS MATERIALIZED (
        SELECT ${key} FROM ${sql(table)}
        WHERE base_asset = ${pair.base} AND quote_asset = ${pair.quote}
          ${from === null ? sql`` : sql`AND ${time} >= ${moment(from)}::timestamptz`}
          AND ${time} < ${moment(to)}::timestamptz
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
 * Drops the chunks that lie before a time of PostgreSQL as a whole, oldest first, one at a time: whoever reads beside it
 * waits for one chunk at most. Returns how many there were.
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

/** Where the chunks end that lie before a moment as a whole, oldest first. */
async function chunksBefore(sql: Sql, table: PrunedTable, before: string): Promise<string[]> {
  const rows = await sql<{ range_end: string }[]>`
    SELECT range_end FROM timescaledb_information.chunks
    WHERE hypertable_schema = 'public' AND hypertable_name = ${table} AND range_end <= ${before}::timestamptz
    ORDER BY range_end`;
  return rows.map(({ range_end }) => range_end);
}

function timeOf(table: PrunedTable): string {
  return TABLES.find(({ name }) => name === table)?.time ?? "ts";
}
