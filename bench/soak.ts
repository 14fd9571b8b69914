import { setTimeout as sleep } from "node:timers/promises";
import { median, quantile } from "simple-statistics";
import { bucketEndingAt } from "../internal/canonical/bucket.ts";
import { type Pair, parsePair } from "../internal/canonical/pair.ts";
import { floorTo, seconds } from "../internal/canonical/time.ts";
import { stopwatch, systemClock } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { connect } from "../internal/storage/connection/pool.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import { describeDurability, insertBatch, makeBatch, type Spread } from "./batches.ts";
import type { Bench } from "./bench.ts";
import { progress, withBenchDatabase } from "./database.ts";

const WRITERS = 4;
const BATCH = 50;
const BATCH_SECONDS = 0.2;
const TRADES_PER_SECOND = (WRITERS * BATCH) / BATCH_SECONDS;
// Writers share all keys: each batch updates the same rows as the others.
const SPREAD: Spread = { pairs: 30, sources: 5 };
const WINDOWS = [300, 3600, 86_400];
const MINUTES = 60;

/** The end of an operation in seconds from the start, and its duration in milliseconds. */
interface Timing {
  readonly at: number;
  readonly took: number;
}

export const soak: Bench = {
  isNamedOnly: true,
  summary: `${MINUTES} minutes of ${TRADES_PER_SECOND} trades/s in real time: hot rows, bloat, autovacuum, and whether it slows down`,
  run: async ({ server, trades, short }) => {
    if (server === undefined) {
      console.log("left out: it needs a server, STELLARINDEX_BENCH_DATABASE_URL names none");
      return;
    }
    const duration = short ? 30 : (trades ?? MINUTES * 60 * TRADES_PER_SECOND) / TRADES_PER_SECOND;
    await withBenchDatabase(server, async (database, url) => {
      console.log(await describeDurability(database));
      console.log(
        `${WRITERS} writers, batches of ${BATCH} every ${BATCH_SECONDS * 1000} ms, ${SPREAD.pairs} pairs × ${SPREAD.sources} sources, for ${duration} s`,
      );
      const started = stopwatch();
      const ends = started + duration;
      const [writes, ticks] = await Promise.all([
        Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(url, writer, started, ends))),
        readAlong(database, started, ends, short ? 5 : 30),
      ]);
      const took = stopwatch() - started;
      const inserts = writes.flat();
      const written = inserts.length * BATCH;
      console.log(`${written} trades written in ${took.toFixed(0)} s, ${(written / took).toFixed(0)} trades/s`);
      await requireAllCounted(database, written);
      for (const table of ["trades_1m", "trades_1h"] as const) await reportTable(database, table);
      reportDrift("a batch", inserts, duration);
      reportDrift(`totals of ${SPREAD.pairs} pairs × ${WINDOWS.length} windows`, ticks, duration);
    });
  },
};

/** A writer on its own connection, which keeps its schedule and catches up after a slow batch. */
async function write(url: string, writer: number, started: number, ends: number): Promise<Timing[]> {
  const sql = connect(url, { max: 1 });
  const timings: Timing[] = [];
  try {
    for (let round = 0; ; round++) {
      const due = started + (round + writer / WRITERS) * BATCH_SECONDS;
      if (due >= ends) return timings;
      await sleep(Math.max(0, (due - stopwatch()) * 1000));
      const now = systemClock.now();
      const batch = makeBatch(SPREAD, (round * WRITERS + writer) * BATCH, BATCH, () => now);
      const before = stopwatch();
      await insertBatch(sql, batch);
      timings.push({ at: stopwatch() - started, took: (stopwatch() - before) * 1000 });
    }
  } finally {
    await sql.end();
  }
}

/** Performs the reads of a tick at an interval while the writers write. */
async function readAlong(database: Database, started: number, ends: number, every: number): Promise<Timing[]> {
  const pairs: Pair[] = Array.from({ length: SPREAD.pairs }, (_, index) => parsePair(`crypto:T${index}/fiat:USD`));
  const timings: Timing[] = [];
  for (let due = started + every; due < ends; due += every) {
    await sleep(Math.max(0, (due - stopwatch()) * 1000));
    progress(`${(stopwatch() - started).toFixed(0)} of ${(ends - started).toFixed(0)} s`);
    const to = floorTo(systemClock.now(), seconds(15));
    const before = stopwatch();
    for (const pair of pairs)
      for (const windowSeconds of WINDOWS)
        await withSnapshot(database, ({ totals }) => totals([pair], bucketEndingAt(to, windowSeconds)));
    timings.push({ at: stopwatch() - started, took: (stopwatch() - before) * 1000 });
  }
  progress("");
  return timings;
}

async function requireAllCounted({ sql }: Database, written: number): Promise<void> {
  const [counted] = await sql<{ trades: string; minutes: string; hours: string }[]>`
    SELECT (SELECT count(*) FROM trades) AS trades, (SELECT sum(trade_count) FROM trades_1m) AS minutes,
      (SELECT sum(trade_count) FROM trades_1h) AS hours`;
  const wrong = Object.entries(counted ?? {}).filter(([, count]) => Number(count) !== written);
  if (wrong.length > 0) throw new Error(`${written} trades were written, but counted ${JSON.stringify(counted)}`);
}

/** Prints updates, dead rows, vacuums and size of a rollup table, compared with a freshly written copy. */
async function reportTable({ sql }: Database, table: "trades_1m" | "trades_1h"): Promise<void> {
  // On TimescaleDB the rows are in chunks, which inherit from the table.
  const parts = (of: string) => sql`
    SELECT ${of}::text::regclass AS part UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = ${of}::text::regclass`;
  const sizes = async (of: string) => {
    const [row] = await sql<{ rows: string; indexes: string }[]>`
      SELECT sum(pg_table_size(part)) AS rows, sum(pg_indexes_size(part)) AS indexes FROM (${parts(of)}) AS parts`;
    return { rows: Number(row?.rows), indexes: Number(row?.indexes) };
  };
  // Sessions report their counts at the latest when they end, and the writers' sessions have ended.
  const [stats] = await sql<Record<"inserted" | "updated" | "hot" | "live" | "dead" | "vacuums", string>[]>`
    SELECT sum(n_tup_ins) AS inserted, sum(n_tup_upd) AS updated, sum(n_tup_hot_upd) AS hot, sum(n_live_tup) AS live,
      sum(n_dead_tup) AS dead, sum(autovacuum_count) AS vacuums
    FROM (${parts(table)}) AS parts JOIN pg_stat_all_tables ON relid = part`;
  const [options] = await sql<{ fillfactor: string }[]>`
    SELECT option_value AS fillfactor FROM pg_class, pg_options_to_table(reloptions)
    WHERE pg_class.oid = ${table}::text::regclass AND option_name = 'fillfactor'`;
  const fillfactor = Number(options?.fillfactor ?? 100);
  await sql.unsafe(`CREATE TABLE fresh (LIKE ${table} INCLUDING ALL) WITH (fillfactor = ${fillfactor})`);
  await sql.unsafe(`INSERT INTO fresh SELECT * FROM ${table} ORDER BY bucket, base_asset, quote_asset, source`);
  await sql`VACUUM FULL fresh`;
  const [used, fresh] = [await sizes(table), await sizes("fresh")];
  await sql`DROP TABLE fresh`;
  const megabytes = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  const hotShare = ((100 * Number(stats?.hot)) / Number(stats?.updated)).toFixed(2);
  console.log(`${table}, fillfactor ${fillfactor}:`);
  console.log(`  ${stats?.inserted} rows inserted, updated ${stats?.updated} times, ${hotShare} % of them HOT`);
  console.log(`  ${stats?.live} live rows, ${stats?.dead} dead, ${stats?.vacuums} autovacuum runs`);
  for (const part of ["rows", "indexes"] as const)
    console.log(
      `  ${part}: ${megabytes(used[part])}, ${(used[part] / fresh[part]).toFixed(2)} times a fresh copy (${megabytes(fresh[part])})`,
    );
}

/** Prints the durations of the first and the last sixth. */
function reportDrift(name: string, timings: readonly Timing[], duration: number): void {
  const part = duration / 6;
  const first = timings.filter(({ at }) => at <= part).map(({ took }) => took);
  const last = timings.filter(({ at }) => at > duration - part).map(({ took }) => took);
  if (first.length === 0 || last.length === 0) return;
  const figures = (took: readonly number[]) => ({ p50: median([...took]), p99: quantile([...took], 0.99) });
  const [early, late] = [figures(first), figures(last)];
  console.log(
    `${name}, first and last ${part.toFixed(0)} s: median ${early.p50.toFixed(1)} and ${late.p50.toFixed(1)} ms (${(late.p50 / early.p50).toFixed(2)} times), ` +
      `p99 ${early.p99.toFixed(1)} and ${late.p99.toFixed(1)} ms (${(late.p99 / early.p99).toFixed(2)} times)`,
  );
}
