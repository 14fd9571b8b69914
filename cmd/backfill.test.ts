import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCommandDatabase, type TestEngine, testEngines } from "../internal/storage/connection/database.testing.ts";
import { runHere, runProgram } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";
import { type BackfillOptions, backfillArgs, backfillEnvironment } from "./backfill.testing.ts";

const [engine] = enginesOf(testEngines);
const { url, directory, drop } = await openCommandDatabase(engine as TestEngine);
afterAll(drop);
const environment = backfillEnvironment(url);

describe(`backfill on ${engine?.name}`, () => {
  const run = (options: BackfillOptions = {}) => runHere(backfillArgs(directory, options), environment);

  beforeAll(async () => {
    const file = join(directory, "trades.csv");
    writeFileSync(
      file,
      "ts,source,pair,price,size,trade_id\n2026-01-01T10:01:30Z,kraken,XLM/USD,0.1,10,a\n2026-01-01T10:02:10Z,kraken,XLM/USD,0.4,20,b\n",
    );
    expect(await runHere(["import", file], environment)).toMatchObject({ status: 0 });
  });

  it("writes the lines that compute prints, and the number of buckets without a value", async () => {
    const out = join(directory, "prices.jsonl");
    // An alias of a configured pair is shown as the configured pair.
    const options = { out, pairs: "native/USD,XLM/USD", windows: "1m, 2m,1m" };
    expect(await runProgram(backfillArgs(directory, options), environment)).toEqual({
      status: 0,
      out: `${out}: 5 values; 5 buckets without a published value\n`,
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
    expect((await runHere(["compute", ...at], environment)).out).toBe(`${lines[3]}\n`);
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

  it("uses the pairs and windows of the configuration by default", async () => {
    const out = join(directory, "configured.jsonl");
    const args = backfillArgs(directory, { out }).filter((_, index) => index === 0 || index > 4);
    const configured = { STELLARINDEX_AGGREGATE_PAIRS: "XLM/USD", STELLARINDEX_AGGREGATE_WINDOWS: "5m" };
    expect(await runHere(args, { ...environment, ...configured })).toMatchObject({ status: 0, err: "" });
    expect(readFileSync(out, "utf8")).toMatch(/^\{"pair":"crypto:XLM\/fiat:USD","window_seconds":300,/);
  });

  it.each<[string, BackfillOptions]>([
    ["--out x.txt must end in .jsonl or .csv", { out: "x.txt" }],
    ["--out x.constructor must end", { out: "x.constructor" }],
    ['--pairs: pair "XLM" is not base/quote', { pairs: "XLM" }],
    ["--windows: a window must be a multiple of 15 s", { windows: "5m,50s" }],
    ["--every 20s is not a multiple of bucket_seconds, 15 s", { every: "20s" }],
    ["--every 0s is not a multiple of bucket_seconds, 15 s", { every: "0s" }],
    ["--from is not before --to", { from: "2026-01-01T10:05:00Z" }],
    ["--from 1969-12-31T23:59:59Z is before 1970", { from: "1969-12-31T23:59:59Z" }],
    ["--to 2999-01-01T00:00:00Z is not closed yet; the latest closed bucket end is ", { to: "2999-01-01T00:00:00Z" }],
    ["there is no multiple of --every 1h between --from and --to", { every: "1h" }],
    ["exists already; remove it, or name another file", { out: join(directory, "trades.csv") }],
    ["cannot be written: ENOENT", { out: join(directory, "nowhere", "x.csv") }],
  ])("refuses wrong usage: %s", async (reason, options) => {
    expect(await run(options)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });
});
