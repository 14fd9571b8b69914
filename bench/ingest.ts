import { execFile } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { median, quantile } from "simple-statistics";
import { formatTime } from "../internal/canonical/time.ts";
import { stopwatch } from "../internal/lib/clock.ts";
import { packageRoot } from "../internal/lib/package-root.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import type { Bench } from "./bench.ts";
import { progress, withBenchDatabase } from "./database.ts";
import { BENCH_TO, benchPairs, SOURCES } from "./trades.ts";
import { compareWrites } from "./writes.ts";

const PAIRS = benchPairs(20);
const DAY = 86_400_000_000n;
const ROWS_PER_WRITE = 10_000;
const PROGRAM = join(packageRoot(), "dist", "cmd", "stellarindex.js");
const run = promisify(execFile);

export const ingest: Bench = {
  summary:
    "`import` against psql's \\copy of the same file into the same table, triggers included; the ways to write trades",
  async run({ server, trades = 1_000_000, short }) {
    if (server === undefined) {
      console.log("left out: psql and import share a server, and STELLARINDEX_BENCH_DATABASE_URL names none");
      return;
    }
    if (!(await hasPsql())) {
      console.log("left out: there is no psql on the PATH");
      return;
    }
    const directory = mkdtempSync(join(tmpdir(), "stellarindex-bench-"));
    try {
      const file = writeFile(join(directory, "trades.csv"), trades, true);
      const withoutIds = writeFile(join(directory, "without-ids.csv"), trades, false);
      const rounds = short ? 1 : 5;
      await withBenchDatabase(server, async (database, url) => {
        await compareLoads(database, url, { file, withoutIds, trades, rounds });
        await empty(database);
        await compareWrites(database, rounds);
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
};

interface Files {
  readonly file: string;
  readonly withoutIds: string;
  readonly trades: number;
  readonly rounds: number;
}

async function compareLoads(database: Database, url: string, { file, withoutIds, trades, rounds }: Files) {
  const copy =
    "\\copy trades (ts, source, base_asset, quote_asset, base_amount, quote_amount, trade_id) " +
    `from '${file}' csv header`;
  const importOf = (path: string) => async () => {
    const { stdout } = await run(process.execPath, [PROGRAM, "import", path], {
      env: { ...process.env, STELLARINDEX_DATABASE_URL: url },
    });
    // An import with an unexpected result gives no figure.
    if (!new RegExp(`: (${trades} new, 0|0 new, ${trades}) known, 0 of them`).test(stdout)) throw new Error(stdout);
  };
  const loads: readonly { name: string; load: () => Promise<unknown>; into: "empty" | "as it is" }[] = [
    { name: "psql \\copy", load: () => run("psql", ["-Xq", url, "-c", copy]), into: "empty" },
    { name: "import", load: importOf(file), into: "empty" },
    { name: "import again, all known", load: importOf(file), into: "as it is" },
    { name: "import without trade ids", load: importOf(withoutIds), into: "empty" },
  ];
  console.log(`${trades} trades in 24 h, ${PAIRS.length} pairs, ${SOURCES.length} sources, ${rounds} rounds`);
  const times = loads.map(() => [] as number[]);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, { name, load, into }] of loads.entries()) {
      progress(`round ${round} of ${rounds}: ${name}`);
      if (into === "empty") await empty(database);
      const started = stopwatch();
      await load();
      times[index]?.push(stopwatch() - started);
    }
  }
  progress("");
  const ofCopy = median(times[0] ?? []);
  for (const [index, { name }] of loads.entries()) {
    const measured = times[index] ?? [];
    const [low, high] = [quantile(measured, 0.75), quantile(measured, 0.25)].map((time) => (trades / time).toFixed(0));
    const rate = trades / median(measured);
    const ratio = index === 0 ? "" : `, ${(ofCopy / median(measured)).toFixed(2)} of \\copy`;
    console.log(`  ${name}: ${rate.toFixed(0)} rows/s (middle half ${low}–${high})${ratio}`);
  }
}

/** Deletes all trades and rollups, and flushes the writes of the previous load. */
async function empty({ sql }: Database): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`SET LOCAL stellarindex.maintenance = 'on'`;
    await transaction`TRUNCATE trades, trades_1m, trades_1h`;
  });
  await sql`CHECKPOINT`;
}

/** Returns trades in time order, like a recorder of all venues; the same at every run. */
function writeFile(path: string, count: number, withIds: boolean): string {
  const file = openSync(path, "w");
  try {
    writeSync(file, `ts,source,base,quote,base_amount,quote_amount${withIds ? ",trade_id" : ""}\n`);
    for (let start = 0; start < count; start += ROWS_PER_WRITE) {
      const length = Math.min(ROWS_PER_WRITE, count - start);
      const rows = Array.from({ length }, (_, index) => row(start + index, count, withIds));
      writeSync(file, `${rows.join("\n")}\n`);
    }
  } finally {
    closeSync(file);
  }
  return path;
}

function row(n: number, count: number, withId: boolean): string {
  const pair = PAIRS[n % 10 === 0 ? 0 : 1 + (n % (PAIRS.length - 1))];
  const size = 0.001 + ((n * 104_729) % 100_000) / 10_000;
  const price = 100 + Math.sin(n / 1000) + ((n * 7919) % 1000) / 10_000;
  return [
    formatTime(BENCH_TO - DAY + (BigInt(n) * DAY) / BigInt(count)),
    SOURCES[Math.floor(n / 7) % SOURCES.length],
    pair?.base,
    pair?.quote,
    size.toFixed(4),
    (size * price).toFixed(8),
    ...(withId ? [n] : []),
  ].join(",");
}

async function hasPsql(): Promise<boolean> {
  return run("psql", ["--version"]).then(
    () => true,
    () => false,
  );
}
