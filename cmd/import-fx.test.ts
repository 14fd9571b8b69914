import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCommandDatabase, type TestEngine, testEngines } from "../internal/storage/connection/database.testing.ts";
import { type Environment, runHere, runProgram } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
const { url, directory, drop } = await openCommandDatabase(engine as TestEngine);
afterAll(drop);

const onDatabase = { STELLARINDEX_DATABASE_URL: url };
const run = (args: readonly string[], environment: Environment = {}) =>
  runHere(["import-fx", ...args], { ...onDatabase, ...environment });

function fileWith(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const HEADER = "date,base,quote,rate\n";
const rates = fileWith("rates.csv", `${HEADER}2011-01-03,EUR,USD,1.3348\n2011-01-04,EUR,USD,N/A\n`);

describe("import-fx", () => {
  it("stores rates, reports bad rows and conflicting rates, and refuses other files", async () => {
    const changed = fileWith("changed.csv", `${HEADER}2011-01-03,EUR,USD,1.3349\n`);
    const trades = fileWith("trades.csv", "ts,source,pair,price,size\n2026-01-01T00:01:00Z,kraken,XLM/USD,0.1,10\n");
    expect(await run([rates, rates, changed, trades])).toEqual({
      status: 1,
      out: [
        `${rates}: 1 new, 0 duplicates, 0 conflicting, 1 bad`,
        `${rates}: 0 new, 1 duplicates, 0 conflicting, 1 bad`,
        `${changed}: 0 new, 1 duplicates, 1 conflicting, 0 bad`,
        `${trades}: 0 new, 0 duplicates, 0 conflicting, 0 bad`,
        "total: 1 new, 2 duplicates, 1 conflicting, 2 bad\n",
      ].join("\n"),
      err: [
        `${rates}:3: rate is N/A: there is none for this day`,
        `${rates}:3: rate is N/A: there is none for this day`,
        `${changed}: line 2 is stored with other amounts: 2011-01-03T15:00:00Z ecb fiat:EUR/fiat:USD trade 2011-01-03; ` +
          "the file says 1 for 1.3349",
        `${trades}: not imported: lacks the columns date; base; quote; rate. It has: ts, source, pair, price, size`,
        "bad rows skipped: 2\n",
      ].join("\n"),
    });
  });

  it("skips rates of former currencies in the central bank's archive, and counts them once", async () => {
    const archive = fileWith(
      "archive.csv",
      `${HEADER}2011-02-01,EUR,HRK,7.4\n2011-02-02,EUR,LVL,0.7\n2011-02-02,EUR,eur,1\n`,
    );
    expect(await runProgram(["import-fx", archive], onDatabase)).toEqual({
      status: 0,
      out: `${archive}: 0 new, 0 duplicates, 0 conflicting, 1 bad\n`,
      err: [
        `${archive}:4: quote "eur" is no currency of the ISO 4217 list; did you mean EUR?`,
        `${archive}: 2 rows skipped: rates of currencies that are no longer in use`,
        "bad rows skipped: 1\n",
      ].join("\n"),
    });
  });

  it("accepts the configured FX sources, and lists them if another is named", async () => {
    const config = fileWith("stellarindex.toml", '[[sources]]\nname = "boe"\nclass = "exchange"\nsubclass = "fx"\n');
    expect(await run([rates, "--source", "boe", "--config", config])).toMatchObject({
      status: 0,
      out: expect.stringContaining("1 new"),
    });
    expect(await run([rates, "--source", "kraken", "--config", config])).toEqual({
      status: 2,
      out: "",
      err:
        '--source: "kraken" is not an FX source; use boe, ecb, exchangeratesapi, massive, polygon-forex, or add one with ' +
        '[[sources]], class = "exchange" and subclass = "fx"\n',
    });
  });

  it.each<[string, string, Environment]>([
    ["no such file: ", join(directory, "absent.csv"), {}],
    ["database.url is pglite:memory, which is lost", rates, { STELLARINDEX_DATABASE_URL: "pglite:memory" }],
  ])("refuses: %s", async (reason, file, environment) => {
    expect(await run([file], environment)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });
});
