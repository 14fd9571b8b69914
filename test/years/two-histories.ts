import { performance } from "node:perf_hooks";
import { createTestDatabase, type TestEngine } from "../../internal/storage/connection/database.testing.ts";
import type { Database } from "../../internal/storage/connection/database.ts";
import { migrateUp } from "../../internal/storage/schema/migrate.ts";
import type { TimescaleMode } from "../../internal/storage/schema/timescale.ts";

/** A database on the tested TimescaleDB. */
export interface History {
  readonly url: string;
  readonly database: Database;
  readonly drop: () => Promise<void>;
}

export const FOR_EVER = { trades: 0, trades_1m: 0, trades_1h: 0 };

/** A migrated database with hypertables or ordinary tables on the same server; only the test runs its jobs. */
export async function openHistory(engine: TestEngine, timescaledb: TimescaleMode): Promise<History> {
  const created = await createTestDatabase(engine);
  const database = await created.open();
  await migrateUp(database, { timescaledb, retention: FOR_EVER, log: () => {} });
  if (timescaledb === "require") await stopJobs(database);
  return {
    url: created.url,
    database,
    drop: async () => {
      await database.close();
      await created.drop();
    },
  };
}

export async function stopJobs({ sql }: Database): Promise<void> {
  await sql`SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000`;
}

/** Writes one trade per day for each of three pairs like a decoder, a month at a time. */
export async function writeDailyTrades({ sql }: Database, years: { first: number; count: number }): Promise<void> {
  for (let month = 0; month < years.count * 12; month++) {
    const from = new Date(Date.UTC(years.first, month, 1)).toISOString();
    const past = new Date(Date.UTC(years.first, month + 1, 1)).toISOString();
    await sql`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      SELECT pair.base, 'fiat:USD', day + make_interval(hours => 9 + pair.hour), 'kraken',
        (extract(epoch FROM day) / 86400)::bigint::text, 1000,
        100000 + pair.hour + ((extract(epoch FROM day) / 86400)::bigint * 7919) % 997
      FROM generate_series(${from}::timestamptz, ${past}::timestamptz - interval '1 day', interval '1 day') AS day,
        (VALUES ('crypto:BTC', 1), ('crypto:ETH', 2), ('crypto:XLM', 3)) AS pair (base, hour)`;
  }
}

/** Compresses the chunks that the policy would, one at a time, and returns their number. */
export async function compressOldChunks({ sql }: Database): Promise<number> {
  const chunks = await sql<{ chunk: string }[]>`
    SELECT format('%I.%I', chunk_schema, chunk_name) AS chunk FROM timescaledb_information.chunks
    WHERE hypertable_name = 'trades' AND NOT is_compressed AND range_end < now() - interval '7 days'
    ORDER BY range_start`;
  for (const { chunk } of chunks) await sql`SELECT compress_chunk(${chunk}::text::regclass)`;
  return chunks.length;
}

/** Returns the number of chunks of a table. */
export async function countChunks({ sql }: Database, table: string): Promise<number> {
  const [row] = await sql<
    { count: number }[]
  >`SELECT count(*)::int AS count FROM show_chunks(${table}::text::regclass)`;
  return row?.count ?? 0;
}

export interface Measured {
  readonly name: string;
  readonly chunkedMs: number;
  readonly plainMs: number | null;
}

/** Returns the duration of `work` in milliseconds, and its result. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

export function printMeasured(measured: readonly Measured[]): void {
  const seconds = (ms: number | null): string => (ms === null ? "" : (ms / 1000).toFixed(2)).padStart(9);
  for (const { name, chunkedMs, plainMs } of measured) {
    const ratio = plainMs === null ? "" : `${(chunkedMs / plainMs).toFixed(1)} times plain`;
    console.log(`${seconds(chunkedMs)} s ${seconds(plainMs)} s  ${ratio.padEnd(18)} ${name}`);
  }
}
