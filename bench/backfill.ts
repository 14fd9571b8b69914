import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bucketEndingAt, MINUTE } from "../internal/canonical/bucket.ts";
import { formatPair, type Pair } from "../internal/canonical/pair.ts";
import { floorTo, formatTime, seconds } from "../internal/canonical/time.ts";
import { computePublished } from "../internal/policy/published-value.ts";
import type { Database } from "../internal/storage/connection/database.ts";
import { withSnapshot } from "../internal/storage/windows/snapshot.ts";
import type { Bench } from "./bench.ts";
import { compare } from "./compare.ts";
import { settle } from "./data.ts";
import { withBenchDatabase } from "./database.ts";
import { HOW_TO_GET_DUCKDB, loadDuckDb, openDuck } from "./duckdb.ts";
import { runProgram } from "./program.ts";
import { policyWith, WINDOWS } from "./tick.ts";
import { BENCH_TO, benchPairs, fillPairs } from "./trades.ts";

const HOUR = seconds(3600);
const TO = floorTo(BENCH_TO, MINUTE);
const PAIRS: readonly Pair[] = benchPairs(9);
const MANY_WINDOWS = [120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];
const SAMPLE = 300;
const ROUNDS = 5;

export const backfill: Bench = {
  summary: "a day of 9 pairs × 3 windows, a bucket per minute: against DuckDB, and against `compute` for each",
  run: async ({ server, trades, short }) => {
    if (server === undefined) {
      console.log("left out: it needs a server, in STELLARINDEX_BENCH_DATABASE_URL, for the program runs by itself");
      return;
    }
    await withBenchDatabase(server, async (database, url) => {
      const directory = mkdtempSync(join(tmpdir(), "stellarindex-bench-"));
      try {
        const count = trades ?? (short ? 50_000 : 5_000_000);
        await fillPairs(database, "T", PAIRS.length, count);
        await settle(database);
        console.log(`${count} trades in 24 h, ${PAIRS.length} pairs, 5 sources`);
        // Runs first: a new process starts with the peak memory of its parent, and DuckDB uses much.
        await showMemory(url, directory);
        await compareWays(database, url, directory, short ? 20 : SAMPLE);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  },
};

interface Range {
  readonly hours: number;
  readonly windows: readonly number[];
}

const DAY: Range = { hours: 24, windows: WINDOWS };

async function compareWays(database: Database, url: string, directory: string, sample: number): Promise<void> {
  const file = join(directory, "day.jsonl");
  const duckDb = await loadDuckDb();
  const duck = duckDb && (await openDuck(duckDb, url, directory, PAIRS, WINDOWS, TO));
  const run = () => runBackfill(url, file, DAY);
  await run();
  const values = valuesIn(file);
  console.log(`\n${values} values of a day:`);
  if (duck === null) console.log(`  left out: DuckDB, which is not installed; ${HOW_TO_GET_DUCKDB}`);
  else {
    requireSameCounts(file, await duck.overTrades("DECIMAL"));
    console.log(`  DuckDB ${duck.version}, in memory, gives counts, sums (exact in DECIMAL) and prices in floats, unfiltered:
  no class and outlier filter, no floor, no sources and shares, no 18 digits rounded exactly`);
  }
  const [own = Number.NaN, start = Number.NaN, ofSample = Number.NaN] = await compare(
    {
      "this program, from its start to the file": run,
      "its start and nothing else": () => runProgram(["--version"]),
      [`\`compute\` for ${sample} of them, each on a snapshot of its own`]: () => computeEach(database, sample),
      ...(duck && {
        "DuckDB, trades to minutes first, DECIMAL": () => duck.overMinutes("DECIMAL"),
        "DuckDB, trades to minutes first, DOUBLE": () => duck.overMinutes("DOUBLE"),
      }),
    },
    ROUNDS,
  );
  const ofAll = (ofSample * values) / sample;
  console.log(`  this program without its start: ${(own - start).toFixed(1)} ms`);
  console.log(
    `  \`compute\` for all, by the sample and without process starts: ${(ofAll / 1000).toFixed(1)} s, ${(ofAll / own).toFixed(0)} times as long\n`,
  );
  if (duck === null) return;
  await compare(
    {
      "this program, from its start to the file": run,
      "DuckDB, windows over the trades, DECIMAL": () => duck.overTrades("DECIMAL"),
      "DuckDB, windows over the trades, DOUBLE": () => duck.overTrades("DOUBLE"),
    },
    1,
  );
}

function runBackfill(url: string, file: string, { hours, windows }: Range) {
  rmSync(file, { force: true });
  const options = {
    pairs: PAIRS.map(formatPair).join(),
    windows: windows.map((window) => `${window}s`).join(),
    from: formatTime(TO - BigInt(hours) * HOUR),
    to: formatTime(TO),
    every: "1m",
    out: file,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return runProgram(["backfill", ...args], {
    STELLARINDEX_DATABASE_URL: url,
    STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
  });
}

/** Checks that the peak of memory does not depend on the number of values. */
async function showMemory(url: string, directory: string): Promise<void> {
  console.log("\npeak memory of the program:");
  for (const range of [{ ...DAY, hours: 6 }, DAY, { hours: 24, windows: MANY_WINDOWS }]) {
    const file = join(directory, "memory.jsonl");
    const { maxRSS, cpuSeconds } = await runBackfill(url, file, range);
    const what = `${range.hours} h, ${range.windows.length} windows, ${valuesIn(file)} values`;
    console.log(`  ${what}: ${(maxRSS / 1024).toFixed(0)} MB, ${cpuSeconds.toFixed(1)} s of CPU`);
  }
}

/** Returns values of `compute`, spread evenly over the day, the pairs and the windows. */
async function computeEach(database: Database, sample: number): Promise<void> {
  const policy = policyWith();
  const minutes = Number((24n * HOUR) / MINUTE);
  for (let n = 0; n < sample; n++) {
    const end = TO - BigInt(Math.floor((n * minutes) / sample)) * MINUTE;
    const pair = PAIRS[n % PAIRS.length] as Pair;
    const window = WINDOWS[Math.floor(n / PAIRS.length) % WINDOWS.length] as number;
    await withSnapshot(database, (reader) =>
      computePublished(reader, policy, pair, bucketEndingAt(end, window), { maxTrades: 10_000 }),
    );
  }
}

function valuesIn(file: string): number {
  return linesOf(file).length;
}

function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

/** Checks that the compared programs have read the same trades. */
function requireSameCounts(file: string, counted: number): void {
  const own = linesOf(file)
    .map((line) => JSON.parse(line))
    .reduce((all, { trade_count, dropped }) => all + trade_count + dropped.outlier, 0);
  if (own !== counted) throw new Error(`the values are of ${own} trades in all, those of DuckDB of ${counted}`);
}
