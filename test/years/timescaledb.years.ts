import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ALL_TARGETS } from "../../internal/aggregator/assignment.ts";
import { NO_REPLAY_WAIT } from "../../internal/aggregator/replay-wait.testing.ts";
import { targetsOf } from "../../internal/aggregator/target.ts";
import { runTick } from "../../internal/aggregator/tick.ts";
import { openTestApi } from "../../internal/api/v1/api.testing.ts";
import { vwapKey } from "../../internal/cache/keys.ts";
import { openStore } from "../../internal/cache/open-store.ts";
import { parsePair } from "../../internal/canonical/pair.ts";
import { parseTime } from "../../internal/canonical/time.ts";
import { DEFAULT_POLICY_SETTINGS, makePolicy } from "../../internal/policy/policy.ts";
import {
  createTestDatabase,
  type TestEngine,
  testEngines,
} from "../../internal/storage/connection/database.testing.ts";
import { openDatabase } from "../../internal/storage/open-database.ts";
import { migrateDown, migrateUp } from "../../internal/storage/schema/migrate.ts";
import { runProgram } from "../program.ts";
import {
  compressOldChunks,
  countChunks,
  FOR_EVER,
  type History,
  type Measured,
  openHistory,
  printMeasured,
  stopJobs,
  timed,
  writeDailyTrades,
} from "./two-histories.ts";

const YEARS = { first: 2011, count: 15 };
const DAYS = 5479;
const engine = testEngines.find(({ name }) => name === "timescaledb");
if (engine === undefined) {
  console.log("left out: fifteen years of chunks, because STELLARINDEX_TEST_DATABASE_URL names no TimescaleDB");
}

/** Each test continues from the state that the previous one has left. */
describe.skipIf(engine === undefined)("TimescaleDB with fifteen years of daily chunks, under default limits", () => {
  const directory = mkdtempSync(join(tmpdir(), "stellarindex-years-"));
  const measured: Measured[] = [];
  let chunked: History;
  let plain: History;

  const environment = ({ url }: History) => ({
    STELLARINDEX_DATABASE_URL: url,
    STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
    STELLARINDEX_AGGREGATE_MIN_USD_VOLUME_UNKNOWN: "publish",
  });
  const run = (history: History, ...args: string[]) => runProgram(args, environment(history));

  /** Runs the same on both databases and records the duration of each. */
  async function onBoth<T>(name: string, work: (history: History) => Promise<T>): Promise<{ chunked: T; plain: T }> {
    const of = { chunked: await timed(() => work(chunked)), plain: await timed(() => work(plain)) };
    measured.push({ name, chunkedMs: of.chunked.ms, plainMs: of.plain.ms });
    return { chunked: of.chunked.result, plain: of.plain.result };
  }

  async function onChunked<T>(name: string, work: (history: History) => Promise<T>): Promise<T> {
    const { ms, result } = await timed(() => work(chunked));
    measured.push({ name, chunkedMs: ms, plainMs: null });
    return result;
  }

  function writeRates(name: string, daysBetween: number): string {
    const lines = ["ts,source,pair,price,size,trade_id"];
    const currencies = ["EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "SEK", "NOK"];
    for (let day = 0; day < DAYS; day += daysBetween) {
      const ts = new Date(Date.UTC(YEARS.first, 0, 1 + day, 15)).toISOString();
      for (const [index, code] of currencies.entries()) {
        lines.push(`${ts},ecb,fiat:${code}/fiat:USD,${1 + index + (day % 100) / 1000},1,${code}${day}`);
      }
    }
    const file = join(directory, name);
    writeFileSync(file, `${lines.join("\n")}\n`);
    return file;
  }

  beforeAll(async () => {
    chunked = await openHistory(engine as TestEngine, "require");
    plain = await openHistory(engine as TestEngine, "off");
  });

  afterAll(async () => {
    printMeasured(measured);
    await Promise.all([chunked?.drop(), plain?.drop()]);
    rmSync(directory, { recursive: true });
  });

  it("stores sparse history in few chunks", async () => {
    const file = writeRates("rates.csv", 1);
    const first = await onBoth("import of 15 years of daily rates, the first time", (each) =>
      run(each, "import", file),
    );
    expect(first.chunked).toMatchObject({ status: 0, out: first.plain.out });
    expect(await countChunks(chunked.database, "trades")).toBeLessThan(80);
    expect(await countChunks(chunked.database, "trades_1m")).toBeLessThan(80);
    const again = await onBoth("the same again, all known", (each) => run(each, "import", file));
    expect(again.chunked).toMatchObject({ status: 0, out: again.plain.out });
    const [interval] = await chunked.database.sql`
      SELECT time_interval::text AS is FROM timescaledb_information.dimensions WHERE hypertable_name = 'trades'`;
    expect(interval).toEqual({ is: "1 day" });
    for (const [history, timescaledb] of [
      [chunked, "require"],
      [plain, "off"],
    ] as const) {
      expect(await run(history, "migrate", "down", "--to", "0", "--yes")).toMatchObject({ status: 0 });
      await migrateUp(history.database, { timescaledb, retention: FOR_EVER, log: () => {} });
    }
    await stopJobs(chunked.database);
  });

  it("stores a chunk per day, as decoders write, and compresses it", async () => {
    await onBoth("writing 3 trades a day as a decoder", ({ database }) => writeDailyTrades(database, YEARS));
    expect(await countChunks(chunked.database, "trades")).toBe(DAYS);
    const count = await onChunked("compressing", ({ database }) => compressOldChunks(database));
    expect(count).toBe(DAYS);
  });

  it("imports duplicates and new trades over compressed chunks", async () => {
    const header = "ts,source,pair,base_amount,quote_amount,trade_id";
    const daily = Array.from({ length: DAYS }, (_, day) => {
      const ts = new Date(Date.UTC(YEARS.first, 0, 1 + day, 12)).toISOString();
      const id = 14_975 + day;
      return `${ts},kraken,XLM/USD,1000,${100_003 + ((id * 7919) % 997)},${id}`;
    });
    const known = join(directory, "known.csv");
    writeFileSync(known, `${[header, ...daily].join("\n")}\n`);
    const six = join(directory, "six.csv");
    writeFileSync(six, `${[header, ...daily.filter((_, day) => day % 913 === 0)].join("\n")}\n`);
    const again = await onBoth("import of a known trade of each day", (each) => run(each, "import", known));
    expect(again.plain.out).toContain(`${DAYS} known`);
    expect(again.chunked).toMatchObject({ status: 0, out: again.plain.out });
    const few = await onBoth("import of 6 known trades, years apart", (each) => run(each, "import", six));
    expect(few.chunked).toMatchObject({ status: 0, out: few.plain.out });
    const rates = writeRates("few-rates.csv", 7);
    const fresh = await onBoth("import of weekly rates, all new", (each) => run(each, "import", rates));
    expect(fresh.chunked).toMatchObject({ status: 0, out: fresh.plain.out });
  });

  it("verifies rollups, finds differences and deletes trades", async () => {
    const verified = await onBoth("rollups verify", (each) => run(each, "rollups", "verify"));
    expect(verified.chunked).toMatchObject({ status: 0, out: verified.plain.out });
    const selection = ["--pair", "XLM/USD", "--from", "2011-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"];
    const found = await onBoth("trades delete --dry-run of 15 years", (each) =>
      run(each, "trades", "delete", ...selection, "--dry-run"),
    );
    expect(found.chunked).toMatchObject({ status: 0, out: found.plain.out });
    await Promise.all(
      [chunked, plain].map(
        ({ database }) => database.sql`
          INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
          SELECT 'crypto:XLM', 'fiat:USD', '2020-06-01T20:00Z'::timestamptz + place * interval '15 ms', 'sdex', place::text, 1, 100
          FROM generate_series(0, 239999) AS place`,
      ),
    );
    const [chunk] = await chunked.database.sql`
      SELECT format('%I.%I', chunk_schema, chunk_name) AS name FROM timescaledb_information.chunks
      WHERE hypertable_name = 'trades' AND range_start <= '2020-06-01T20:00Z' AND range_end > '2020-06-01T20:00Z'`;
    await chunked.database.sql`SELECT compress_chunk(${chunk?.["name"]}::text::regclass, recompress => true)`;
    const busy = [
      "--pair",
      "XLM/USD",
      "--source",
      "sdex",
      "--from",
      "2020-06-01T20:00:00Z",
      "--to",
      "2020-06-01T21:00:00Z",
    ];
    const deleted = await onBoth("trades delete of 240 000 trades of one compressed hour", (each) =>
      run(each, "trades", "delete", ...busy, "--yes"),
    );
    expect(deleted.chunked).toMatchObject({ status: 0, out: "deleted 240000 trades\n", err: "" });
    expect(deleted.plain).toMatchObject({ status: 0, out: "deleted 240000 trades\n" });
    expect(await run(chunked, "rollups", "verify")).toMatchObject({ status: 0 });
  });

  it("gives the same results as plain tables: backfill, compute, the API, a tick", async () => {
    const range = ["--pairs", "XLM/USD,BTC/USD", "--windows", "1h,24h", "--from", "2019-01-01T00:00:00Z"];
    const files = await onBoth("backfill of a month, every hour, 2 pairs, 2 windows", async (each) => {
      const out = join(directory, `${each === chunked ? "chunked" : "plain"}.jsonl`);
      const args = [...range, "--to", "2019-02-01T00:00:00Z", "--every", "1h", "--out", out];
      expect(await run(each, "backfill", ...args)).toMatchObject({ status: 0 });
      return readFileSync(out, "utf8");
    });
    expect(files.chunked).toBe(files.plain);
    expect(files.plain.split("\n").length).toBeGreaterThan(1_500);

    const moments = Array.from({ length: 40 }, (_, index) =>
      new Date(Date.UTC(YEARS.first, 1, 7 + 130 * index, 12, 30, 15)).toISOString().replace(".000", ""),
    );
    const answers = await onBoth("160 questions to the API about the past", async ({ database }) => {
      const api = openTestApi({ database });
      api.at("2026-01-01T00:00:00Z");
      const texts: string[] = [];
      for (const at of moments) {
        const candlesFrom = at.replace(/T.*/, "T00:00:00Z");
        for (const path of [
          `/v1/vwap?pair=XLM/USD&window=24h&at=${at}`,
          `/v1/twap?pair=BTC/USD&window=24h&at=${at}`,
          `/v1/ohlc?pair=XLM/USD&interval=1h&from=${candlesFrom}`,
          `/v1/vwap?pair=BTC/USD&window=5m&at=${at}`,
        ]) {
          texts.push((await api.get(path)).text);
        }
      }
      return texts;
    });
    expect(answers.chunked).toEqual(answers.plain);
    const ticks = await onBoth("10 ticks of 9 targets", async ({ database }) => {
      const store = openStore({ url: "memory:", key_prefix: "" });
      const pairs = ["XLM/USD", "BTC/USD", "ETH/USD"].map(parsePair);
      const targets = targetsOf(pairs, [300, 3600, 86_400]);
      const context = {
        database,
        store,
        policy: makePolicy({ ...DEFAULT_POLICY_SETTINGS, min_usd_volume: 0 }),
        targets,
        concurrency: 2,
        maxTrades: 10_000,
        precomputeTwap: false,
        replayWait: NO_REPLAY_WAIT,
        assignment: ALL_TARGETS,
        namedSources: new Set<string>(),
        now: () => parseTime("2026-01-01T00:00:00Z"),
        stopwatch: () => 0,
      };
      const start = parseTime("2025-06-01T12:00:00Z");
      const values: (string | null)[] = [];
      for (let tick = 0n; tick < 10n; tick++) {
        const { counts } = await runTick(context, start + tick * 30_000_000n, new AbortController().signal);
        expect(counts).toMatchObject({ error: 0 });
        values.push(...(await store.read(targets.map(({ pair, windowSeconds }) => vwapKey(pair, windowSeconds)))));
      }
      return values;
    });
    expect(ticks.chunked).toEqual(ticks.plain);
    expect(ticks.plain).toContainEqual(expect.stringContaining('"price"'));
  });

  it("converts ordinary tables into as many chunks as one transaction has locks for", async () => {
    const created = await createTestDatabase(engine as TestEngine);
    const database = await openDatabase({ url: created.url, max_connections: 2 });
    try {
      await migrateUp(database, { timescaledb: "off", retention: FOR_EVER, log: () => {} });
      await writeDailyTrades(database, YEARS);
      const lines: string[] = [];
      await onChunked("migrate up: 15 years of ordinary tables into hypertables", () =>
        migrateUp(database, { timescaledb: "require", retention: FOR_EVER, log: (line) => lines.push(line) }),
      );
      expect(lines.join("\n")).toContain("trades: existing rows go into chunks of 28 days");
      expect(await countChunks(database, "trades")).toBeLessThan(200);
      expect((await runProgram(["rollups", "verify"], { STELLARINDEX_DATABASE_URL: created.url })).status).toBe(0);
    } finally {
      await database.close();
      await created.drop();
    }
  });

  it("reports chunks that were dropped directly, and neither repairs nor imports there", async () => {
    const { sql } = chunked.database;
    await sql`SELECT drop_chunks('trades', older_than => '2012-01-01T00:00Z'::timestamptz)`;
    const doctor = await run(chunked, "doctor");
    expect(doctor.status).toBe(1);
    expect(doctor.out).toMatch(/rows of trades from 2011-01-01T10:00:00Z to 2011-12-31T16:00:00Z are missing/);
    const verified = await run(chunked, "rollups", "verify", "--repair");
    expect(verified).toMatchObject({ status: 0 });
    expect(verified.out).toContain("skipped hours before 2011-12-31T16:00:00Z");
    const [kept] = await sql`SELECT count(*)::int AS count FROM trades_1h WHERE bucket < '2012-01-01T00:00Z'`;
    expect(kept?.["count"]).toBeGreaterThan(1000);
    const compute = await run(
      chunked,
      "compute",
      "--pair",
      "XLM/USD",
      "--window",
      "5m",
      "--at",
      "2011-06-01T12:00:30Z",
    );
    expect(compute.status).toBe(1);
    expect(compute.err).toContain("rows before 2011-12-31T16:00:00Z have been removed");
    const imported = await run(chunked, "import", join(directory, "known.csv"));
    expect(imported.out).toMatch(/365 bad/);
    const [same] = await sql`SELECT count(*)::int AS count FROM trades_1h WHERE bucket < '2012-01-01T00:00Z'`;
    expect(same).toEqual(kept);
  });

  it("applies retention by concurrent jobs, one chunk at a time", async () => {
    const expire = ({ database }: History, table: string, from: string) => database.sql`
      CALL stellarindex_expire(0, jsonb_build_object(
        'table', ${table}::text, 'keep_seconds', extract(epoch FROM now() - ${from}::timestamptz)
      ))`;
    await onChunked("three retention jobs at once: 2 years of trades, 1 of minutes, 1 of hours", (each) =>
      Promise.all([
        expire(each, "trades", "2014-01-01T00:00Z"),
        expire(each, "trades_1m", "2013-01-01T00:00Z"),
        expire(each, "trades_1h", "2012-01-01T00:00Z"),
      ]),
    );
    const [oldest] = await chunked.database.sql`SELECT min(ts)::text AS ts FROM trades WHERE ts < '2014-01-10T00:00Z'`;
    expect(oldest).toEqual({ ts: expect.stringContaining("2014-01-01") });
    expect(await run(chunked, "rollups", "verify")).toMatchObject({ status: 0 });
  });

  it("undoes the migrations", async () => {
    // Rollups are the only record of removed trades: with a horizon, undoing is refused and nothing is dropped.
    await expect(migrateDown(chunked.database, () => {}, 0)).rejects.toThrow(/retention has removed rows/);
    await chunked.database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    const down = await onChunked("migrate down --to 0", (each) => run(each, "migrate", "down", "--to", "0", "--yes"));
    expect(down).toMatchObject({ status: 0 });
  });
});
