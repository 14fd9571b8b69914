import { randomBytes } from "node:crypto";
import { arch, cpus, platform } from "node:os";
import { median, quantile } from "simple-statistics";
import { refreshTarget } from "../internal/aggregate/orchestrator/refresh.ts";
import { type Target, targetsOf } from "../internal/aggregate/orchestrator/target.ts";
import { runTick } from "../internal/aggregate/orchestrator/tick.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy, type Policy, type PolicySettings } from "../internal/aggregate/policy.ts";
import { openStore } from "../internal/cache/store.ts";
import { formatPair } from "../internal/canonical/pair.ts";
import { stopwatch } from "../internal/obs/clock.ts";
import type { TickEvent } from "../internal/obs/events.ts";
import { type Database, openDatabase } from "../internal/storage/database.ts";
import { migrateUp } from "../internal/storage/migrate.ts";
import { connect } from "../internal/storage/pool.ts";
import { fetchRows, plainSql } from "./alternatives.ts";
import { BENCH_PAIRS, BENCH_TO, fillQuietPairs, fillTrades, QUIET_PAIRS, UNTRADED_PAIRS } from "./trades.ts";

const USAGE = `npm run bench [-- --trades N]

Measures one target and a whole tick over N trades (default 1000000) in 24 hours, against fetching at most 10 000 rows
per target and against plain SQL over the same rows; then what triangulation, the venue rules and the filter by MAD cost.
The database is STELLARINDEX_BENCH_DATABASE_URL (a server on
which a database of its own is made and dropped again), or the embedded one in memory.
`;

const WINDOWS = [300, 3600, 86_400];
const ROUNDS = 7;

const argument = process.argv.indexOf("--trades");
if (process.argv.includes("--help")) console.log(USAGE);
else await main(argument < 0 ? 1_000_000 : Number(process.argv[argument + 1]));

async function main(tradeCount: number): Promise<void> {
  const { url, drop } = await benchDatabase(process.env["STELLARINDEX_BENCH_DATABASE_URL"]);
  const database = await openDatabase({ url, max_connections: 8 });
  try {
    const lines: string[] = [];
    await migrateUp(database, {
      timescaledb: "auto",
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: (line) => lines.push(line),
    });
    const [server] = await database.sql<{ version: string }[]>`SELECT version() AS version`;
    console.log(`node ${process.version}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model}`);
    console.log(`${server?.version}; ${lines.at(-1)}`);
    const filled = stopwatch();
    await fillTrades(database, tradeCount, (done) => progress(`writing trades: ${done} of ${tradeCount}`));
    progress("");
    console.log(
      `${tradeCount} trades in 24 h, ${BENCH_PAIRS.length} pairs, written in ${(stopwatch() - filled).toFixed(0)} s`,
    );
    await database.sql`ANALYZE`;
    await compareRefreshes(database);
    await fillQuietPairs(database, tradeCount);
    await database.sql`ANALYZE`;
    await comparePolicies(database);
  } finally {
    await database.close();
    await drop();
  }
}

async function compareRefreshes(database: Database): Promise<void> {
  const policy = makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0 });
  const targets = targetsOf(BENCH_PAIRS, WINDOWS);
  const busiest = { pair: BENCH_PAIRS[0] ?? fail(), windowSeconds: 86_400 };
  const sources = ["binance", "kraken", "coinbase", "bitstamp", "sdex"];
  const each = (read: typeof fetchRows) => async () => {
    for (const { pair, windowSeconds } of targets) await read(database, pair, windowSeconds, BENCH_TO, sources);
  };
  const one = (read: typeof fetchRows) => () => read(database, busiest.pair, busiest.windowSeconds, BENCH_TO, sources);

  console.log(`\none target, ${formatPair(busiest.pair)} over 24 h:`);
  const { value } = await refreshTarget(database, policy, busiest, BENCH_TO, 10_000);
  await compare(
    `this program (${value?.trade_count} trades)`,
    () => refreshTarget(database, policy, busiest, BENCH_TO, 10_000),
    {
      "at most 10 000 rows, computed in process": one(fetchRows),
      "plain SQL over all rows": one(plainSql),
    },
  );
  console.log(`\na tick of ${targets.length} targets, one after another:`);
  await compare("this program", tickOf(database, targets, policy), {
    "at most 10 000 rows per target": each(fetchRows),
    "plain SQL per target": each(plainSql),
  });
}

/** What the rules cost that are not part of the plain policy: half of the pairs have no trades of their own. */
async function comparePolicies(database: Database): Promise<void> {
  const targets = targetsOf([...BENCH_PAIRS, ...QUIET_PAIRS, ...UNTRADED_PAIRS], WINDOWS);
  const tick = (settings: Partial<PolicySettings>) =>
    tickOf(
      database,
      targets,
      makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0, triangulation_enabled: false, ...settings }),
    );
  const venues = { venue_deviation_pct: 5, max_source_share: 0.3, sources: [{ name: "sdex", weight: 50 }] };
  const { counts } = await tick({ triangulation_enabled: true })();
  const own = await tick({})();
  console.log(
    `\na tick of ${targets.length} targets, ${own.counts.written} with a price of their own, ${counts.written - own.counts.written} more through other markets:`,
  );
  await compare("without triangulation and venue rules", tick({}), {
    "with triangulation": tick({ triangulation_enabled: true }),
    "with venue rules": tick(venues),
    "with both": tick({ triangulation_enabled: true, ...venues }),
    'with outlier_method = "mad"': tick({ outlier_method: "mad" }),
  });
}

function tickOf(database: Database, targets: readonly Target[], policy: Policy): () => Promise<TickEvent> {
  const context = {
    database,
    policy,
    targets,
    store: openStore({ url: "memory:", key_prefix: "" }),
    concurrency: 1,
    maxTrades: 10_000,
    namedSources: new Set<string>(),
    stopwatch,
  };
  return () => runTick(context, BENCH_TO, new AbortController().signal);
}

/** Measures in turns, so that a drift of the machine meets all alike, and prints each as a ratio to the first. */
async function compare(
  name: string,
  run: () => Promise<unknown>,
  others: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<void> {
  const contestants = [[name, run] as const, ...Object.entries(others)];
  const times = contestants.map(() => [] as number[]);
  for (const [, warmUp] of contestants) await warmUp();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, [, contestant]] of contestants.entries()) {
      const started = stopwatch();
      await contestant();
      times[index]?.push((stopwatch() - started) * 1000);
    }
  }
  const own = median(times[0] ?? []);
  for (const [index, [contestant]] of contestants.entries()) {
    const measured = times[index] ?? [];
    const spread = `${quantile(measured, 0.25).toFixed(1)}–${quantile(measured, 0.75).toFixed(1)}`;
    const ratio = index === 0 ? "" : `, ${(median(measured) / own).toFixed(2)} times as long`;
    console.log(`  ${contestant}: median ${median(measured).toFixed(1)} ms (middle half ${spread})${ratio}`);
  }
}

async function benchDatabase(server: string | undefined): Promise<{ url: string; drop: () => Promise<unknown> }> {
  if (server === undefined) return { url: "pglite:memory", drop: async () => {} };
  const name = `stellarindex_bench_${randomBytes(4).toString("hex")}`;
  const sql = connect(server, { max: 1 });
  await sql.unsafe(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: async () => {
      await sql.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await sql.end();
    },
  };
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

function fail(): never {
  throw new Error("the bench has no pair");
}
