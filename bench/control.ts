import { median, quantile } from "simple-statistics";
import { ledgerOf } from "../internal/control/ledger.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { connect, type Sql } from "../internal/storage/connection/pool.ts";
import type { LeasedJob, Ledger } from "../sdk/worker/src/ledger.ts";
import type { Bench } from "./bench.ts";
import { measureEvents } from "./control-events.ts";
import { servedControl } from "./control-http.ts";
import { addBlocked, addHistory, addReady, removeJobs, TENANT } from "./control-jobs.ts";
import { openPgBoss } from "./control-pg-boss.ts";
import { withBenchDatabase } from "./database.ts";

const KIND = "bench.empty";
const HOST = "slow.example";
const CLAIMERS = 3;
const BATCH = 50;

export const control: Bench = {
  summary:
    "jobs per second through the ledger, through HTTP and of pg-boss; claims beside much history and throttles; readers of events",
  run: ({ server, short }) =>
    withBenchDatabase(server, async (database, url) => {
      const sizes = short
        ? { jobs: 1_000, history: 10_000, blocked: 1_000, throttled: 1_000, turns: 1 }
        : { jobs: 20_000, history: 10_000_000, blocked: 1_000_000, throttled: 100_000, turns: 5 };
      await compareThroughput(database, url, sizes.jobs, sizes.turns);
      await compareClaims(database, url, sizes);
      await printBloat(database, short ? 10_000 : 1_000_000);
      await measureEvents(database, short ? { readers: 50, seconds: 3 } : { readers: 1_000, seconds: 30 });
    }),
};

/** What claims and ends jobs in batches; null where none is left. */
interface Contestant {
  readonly name: string;
  readonly add: (count: number) => Promise<unknown>;
  /** Claims and ends one batch; returns how many jobs it had. */
  readonly work: () => Promise<number>;
}

async function compareThroughput(database: Database, url: string, jobs: number, turns: number): Promise<void> {
  console.log(`${jobs} empty jobs a turn, ${CLAIMERS} claimers, batches of ${BATCH}`);
  const boss = url.startsWith("pglite:") ? null : await openPgBoss(url);
  const http = await servedControl(database, TENANT);
  const own = (name: string, ledger: Ledger<LeasedJob>): Contestant => ({
    name,
    add: (count) => addReady(database.sql, count, KIND),
    work: () => workOf(ledger, BATCH),
  });
  const contestants: Contestant[] = [
    own("ledger", ledgerOf(database, TENANT)),
    ...(boss === null ? [] : [{ name: "pg-boss 10.4.2", ...boss.contestant(BATCH) }]),
    own("over HTTP", http.ledger),
  ];
  if (boss === null) console.log("left out: pg-boss, which needs a server; set STELLARINDEX_BENCH_DATABASE_URL");
  try {
    const rates = contestants.map((): number[] => []);
    for (let turn = 0; turn < turns; turn++) {
      for (const [index, { add, work }] of contestants.entries()) {
        await add(jobs);
        const started = stopwatch();
        await Promise.all(Array.from({ length: CLAIMERS }, () => drain(work)));
        rates[index]?.push(jobs / (stopwatch() - started));
        await removeJobs(database.sql);
      }
    }
    const first = median(rates[0] ?? []);
    for (const [index, { name }] of contestants.entries()) {
      const rate = median(rates[index] ?? []);
      console.log(`  ${name}: ${rate.toFixed(0)} jobs/s, ${(rate / first).toFixed(2)} times the ledger's rate`);
    }
  } finally {
    await http.close();
    await boss?.close();
  }
}

async function drain(work: () => Promise<number>): Promise<void> {
  while ((await work()) > 0);
}

async function workOf(ledger: Ledger<LeasedJob>, maxJobs: number): Promise<number> {
  const jobs = await ledger.claim({ kinds: [KIND], worker: "bench", maxJobs, leaseSeconds: 60 });
  if (jobs.length === 0) return 0;
  const ended = {
    outcome: "succeeded",
    retrySeconds: 0,
    reason: null,
    message: null,
    throttle: null,
    artifacts: [],
  } as const;
  await ledger.report(jobs.map(({ jobId, leaseToken }) => ({ jobId, leaseToken, ...ended })));
  return jobs.length;
}

interface Sizes {
  readonly jobs: number;
  readonly history: number;
  readonly blocked: number;
  readonly throttled: number;
}

/** Prints how long claims of single jobs take beside what could slow them down. */
async function compareClaims(
  database: Database,
  url: string,
  { jobs, history, blocked, throttled }: Sizes,
): Promise<void> {
  const { sql } = database;
  const count = Math.min(jobs, 5_000);
  console.log(`\n${count} claims of one job each, and their reports`);
  await measureClaims(database, count);
  const base = await measureClaims(database, count);
  show("alone", base, base);
  await addReady(sql, throttled, KIND, HOST);
  await sql`
    INSERT INTO control.throttles (tenant, host, max_rate, rate, burst, tokens)
    VALUES (${TENANT}, ${HOST}, 0.0001, 0.0001, 1, 0)`;
  show(`beside a throttled host with ${throttled} ready jobs`, await measureClaims(database, count), base);
  await sql`DELETE FROM control.throttles`;
  await removeJobs(sql);
  await addBlocked(sql, blocked, "bench.blocked");
  await sql`ANALYZE control.jobs`;
  show(`beside ${blocked} blocked jobs`, await measureClaims(database, count), base);
  await addHistory(sql, history);
  await sql`ANALYZE control.job_history`;
  show(`and ${history} rows of history`, await measureClaims(database, count), base);
  await removeJobs(sql);
  if (url.startsWith("pglite:")) return;
  // Beside the same rows of history, and as many, so that the transaction alone makes the difference.
  const without = await measureClaims(database, 4 * count);
  show(`${4 * count} of them`, without, base);
  await removeJobs(sql);
  const idle = await idleTransaction(url);
  show("as many beside an idle transaction", await measureClaims(database, 4 * count), without);
  await idle.end();
}

interface Claims {
  readonly p50: number;
  readonly p99: number;
}

async function measureClaims(database: Database, count: number): Promise<Claims> {
  await addReady(database.sql, count, KIND);
  const ledger = ledgerOf(database, TENANT);
  const times: number[] = [];
  for (let done = 0; done < count; done++) {
    const started = stopwatch();
    const worked = await workOf(ledger, 1);
    times.push((stopwatch() - started) * 1000);
    if (worked !== 1) throw new Error(`a claim got ${worked} jobs`);
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

function show(name: string, { p50, p99 }: Claims, base: Claims): void {
  const ratios = `${(p50 / base.p50).toFixed(2)} and ${(p99 / base.p99).toFixed(2)} times`;
  console.log(`  ${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${ratios}`);
}

/** Opens a transaction that holds back the removal of dead rows. */
async function idleTransaction(url: string): Promise<{ readonly end: () => Promise<void> }> {
  const sql = connect(url, { max: 1 });
  await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
  return { end: () => sql.end() };
}

/** Prints how large the tables are after many jobs, dead rows included. */
async function printBloat(database: Database, jobs: number): Promise<void> {
  const { sql } = database;
  const before = await sizeOf(sql);
  for (let done = 0; done < jobs; done += 50_000) {
    await addReady(sql, Math.min(50_000, jobs - done), KIND);
    const ledger = ledgerOf(database, TENANT);
    await Promise.all(Array.from({ length: CLAIMERS }, () => drain(() => workOf(ledger, BATCH))));
  }
  const grown = (await sizeOf(sql)) - before;
  console.log(`\ntables and indexes after ${jobs} jobs: ${(grown / jobs).toFixed(0)} bytes a job`);
}

async function sizeOf(sql: Sql): Promise<number> {
  const [row] = await sql<{ bytes: number }[]>`
    SELECT sum(pg_total_relation_size(relid))::float8 AS bytes FROM pg_stat_user_tables WHERE schemaname = 'control'`;
  return row?.bytes ?? Number.NaN;
}
