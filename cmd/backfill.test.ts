import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parsePair } from "../internal/canonical/pair.ts";
import { parseTime, seconds } from "../internal/canonical/time.ts";
import {
  embeddedDirectory,
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
  type TestEngine,
} from "../internal/storage/database.testing.ts";
import { trade } from "../internal/storage/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { runProgram, startProgram } from "../test/program.ts";

const embedded = embeddedDirectory();
const directory = mkdtempSync(join(tmpdir(), "stellarindex-backfill-"));
afterAll(() => {
  rmSync(embedded, { recursive: true });
  rmSync(directory, { recursive: true });
});

const environment = (url: string) => ({
  STELLARINDEX_DATABASE_URL: url,
  STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
  // The prices here jump so that buckets can be told apart.
  STELLARINDEX_AGGREGATE_GUARD_FACTOR: "0",
  STELLARINDEX_AGGREGATE_TRIANGULATION_ENABLED: "false",
});
const onEmbedded = environment(`pglite:${embedded}`);

type Options = Readonly<Record<string, string>>;

/** The arguments of a run, from 10:00 to 10:05 unless told otherwise. */
function argsOf(options: Options): string[] {
  const all = {
    pairs: "XLM/USD",
    windows: "1m,2m",
    from: "2026-01-01T10:00:00Z",
    to: "2026-01-01T10:05:00Z",
    out: join(directory, "out.jsonl"),
    ...options,
  };
  return ["backfill", ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])];
}

describe("backfill on the embedded database", () => {
  const run = (options: Options = {}) => runProgram(argsOf(options), onEmbedded);

  beforeAll(async () => {
    const file = join(directory, "trades.csv");
    writeFileSync(
      file,
      "ts,source,pair,price,size,trade_id\n2026-01-01T10:01:30Z,kraken,XLM/USD,0.1,10,a\n2026-01-01T10:02:10Z,kraken,XLM/USD,0.4,20,b\n",
    );
    expect(await runProgram(["import", file], onEmbedded)).toMatchObject({ status: 0 });
  });

  it("writes the lines of compute, and says of how many buckets there is none", async () => {
    const out = join(directory, "prices.jsonl");
    // Another name of a configured pair is shown as that one.
    expect(await run({ out, pairs: "native/USD,XLM/USD", windows: "1m, 2m,1m" })).toEqual({
      status: 0,
      out: `${out}: 5 values; of 5 buckets nothing is published\n`,
      err: "",
    });
    const lines = readFileSync(out, "utf8").split("\n").slice(0, -1);
    expect(
      lines.map((line) => JSON.parse(line)).map(({ to, window_seconds, price }) => [to, window_seconds, price]),
    ).toEqual([
      ["2026-01-01T10:02:00Z", 60, "0.1"],
      ["2026-01-01T10:02:00Z", 120, "0.1"],
      ["2026-01-01T10:03:00Z", 60, "0.4"],
      ["2026-01-01T10:03:00Z", 120, "0.3"],
      ["2026-01-01T10:04:00Z", 120, "0.4"],
    ]);
    const at = ["--pair", "XLM/USD", "--window", "2m", "--at", "2026-01-01T10:03:00Z"];
    expect((await runProgram(["compute", ...at], onEmbedded)).out).toBe(`${lines[3]}\n`);
  });

  it("writes CSV", async () => {
    const out = join(directory, "prices.csv");
    expect(await run({ out, windows: "2m", every: "90s" })).toMatchObject({ status: 0 });
    const [header, ...rows] = readFileSync(out, "utf8").split("\n");
    expect(header).toBe(
      "pair,window_seconds,from,to,price,base_volume,quote_volume,usd_volume,trade_count,dropped_class,dropped_outlier,dropped_venue,dropped_peg,provenance,policy",
    );
    expect(rows).toEqual([
      expect.stringMatching(
        /^crypto:XLM\/fiat:USD,120,2026-01-01T10:01:00Z,2026-01-01T10:03:00Z,0.3,30,9,9,2,0,0,,,,[0-9a-f]{12}$/,
      ),
      "",
    ]);
  });

  it("takes pairs and windows from the configuration where none are given", async () => {
    const out = join(directory, "configured.jsonl");
    const args = argsOf({ out }).filter((_, index) => index === 0 || index > 4);
    const configured = { STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD", STELLARINDEX_AGGREGATE_WINDOWS: "5m" };
    expect(await runProgram(args, { ...onEmbedded, ...configured })).toMatchObject({ status: 0, err: "" });
    expect(readFileSync(out, "utf8")).toMatch(/^\{"pair":"crypto:XLM\/fiat:USD","window_seconds":300,/);
  });

  it.each<[string, Options]>([
    ["--out x.txt ends neither in .jsonl nor in .csv", { out: "x.txt" }],
    ["--out x.constructor ends neither", { out: "x.constructor" }],
    ['--pairs: pair "XLM" is not base/quote', { pairs: "XLM" }],
    ["--windows: a window is a multiple of the grid of 15 s", { windows: "5m,50s" }],
    ["--every 20s is no multiple of bucket_seconds, 15 s", { every: "20s" }],
    ["--every 0s is no multiple of bucket_seconds, 15 s", { every: "0s" }],
    ["--from is not before --to", { from: "2026-01-01T10:05:00Z" }],
    ["--from 1969-12-31T23:59:59Z is before 1970", { from: "1969-12-31T23:59:59Z" }],
    ["--to 2999-01-01T00:00:00Z is not closed yet; the latest bucket end that is: ", { to: "2999-01-01T00:00:00Z" }],
    ["between --from and --to lies no multiple of --every 1h", { every: "1h" }],
    ["is there already; remove it, or name another file", { out: join(directory, "trades.csv") }],
    ["cannot be written: ENOENT", { out: join(directory, "nowhere", "x.csv") }],
  ])("refuses wrong usage: %s", async (reason, options) => {
    expect(await run(options)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });
});

describe.skipIf(serverTestEngine === null)("backfill of a long range on a server", () => {
  const FROM = parseTime("2026-01-01T00:00:00Z");
  const options = {
    pairs: "LONELY/USD",
    windows: "5m",
    from: "2026-01-01T00:00:00Z",
    // Several times what is held at once.
    to: "2026-04-15T00:00:00Z",
  };
  let database: TestDatabase;
  let undisturbed: string;

  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as TestEngine);
    const pair = parsePair("LONELY/USD");
    await writeTrades(
      database,
      [100, 39_999, 40_001, 100_000, 149_000].map((at) =>
        trade(pair, FROM + seconds(at * 60), { base: "3", quote: String(at) }),
      ),
    );
    const out = join(directory, "undisturbed.jsonl");
    expect(await runProgram(argsOf({ ...options, out }), environment(database.url))).toMatchObject({ status: 0 });
    undisturbed = readFileSync(out, "utf8");
  });
  afterAll(() => database?.drop());

  it("gives the same file where it was stopped, by whatever signal, and run again", async () => {
    const out = join(directory, "disturbed.jsonl");
    const doneOf = (): string => JSON.parse(readFileSync(`${out}.progress`, "utf8")).done ?? "";
    let before = "";
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const program = startProgram(argsOf({ ...options, out }), environment(database.url));
      await vi.waitFor(() => expect(doneOf() > before).toBe(true), { timeout: 30_000, interval: 5 });
      before = doneOf();
      expect(await program.stop(signal)).toBe(signal === "SIGTERM" ? 1 : null);
    }
    const finished = await runProgram(argsOf({ ...options, out }), environment(database.url));
    expect(finished).toMatchObject({ status: 0, out: expect.stringContaining(`${out}: 22 values; `) });
    expect(readFileSync(out, "utf8")).toBe(undisturbed);
    expect(existsSync(`${out}.progress`)).toBe(false);
  });

  it("ends with status 1 where retention has removed what buckets need", async () => {
    const out = join(directory, "expired.jsonl");
    await database.sql`
      UPDATE retention_horizons SET complete_from = '2026-01-01T02:00:00Z' WHERE table_name = 'trades_1m'`;
    const short = { ...options, to: "2026-01-01T03:00:00Z", out };
    expect(await runProgram(argsOf(short), environment(database.url))).toMatchObject({
      status: 1,
      err: expect.stringContaining(
        "buckets were left out, the first of them crypto:LONELY/fiat:USD over 300 s: this needs ",
      ),
    });
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
  });
});
