import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { embeddedDirectory } from "../internal/storage/database.testing.ts";
import { type Environment, runProgram } from "../test/program.ts";

const directory = mkdtempSync(join(tmpdir(), "import-fx-"));
const database = embeddedDirectory();
afterAll(() => {
  rmSync(directory, { recursive: true });
  rmSync(database, { recursive: true });
});

const run = (args: readonly string[], environment: Environment = {}) =>
  runProgram(["import-fx", ...args], { STELLARINDEX_DATABASE_URL: `pglite:${database}`, ...environment });

function fileWith(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

const HEADER = "date,base,quote,rate\n";
const rates = fileWith("rates.csv", `${HEADER}2011-01-03,EUR,USD,1.3348\n2011-01-04,EUR,USD,N/A\n`);

describe("import-fx", () => {
  it("stores rates, reports bad rows, names rates that are stored otherwise, and refuses other files", async () => {
    const changed = fileWith("changed.csv", `${HEADER}2011-01-03,EUR,USD,1.3349\n`);
    const trades = fileWith("trades.csv", "ts,source,pair,price,size\n2026-01-01T00:01:00Z,kraken,XLM/USD,0.1,10\n");
    expect(await run([rates, rates, changed, trades])).toEqual({
      status: 1,
      out: [
        `${rates}: 1 new, 0 known, 0 of them with other amounts, 1 bad`,
        `${rates}: 0 new, 1 known, 0 of them with other amounts, 1 bad`,
        `${changed}: 0 new, 1 known, 1 of them with other amounts, 0 bad`,
        `${trades}: 0 new, 0 known, 0 of them with other amounts, 0 bad`,
        "total: 1 new, 2 known, 1 of them with other amounts, 2 bad\n",
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

  it("counts rates of former currencies once, as they are in the central bank's own archive", async () => {
    const archive = fileWith(
      "archive.csv",
      `${HEADER}2011-02-01,EUR,HRK,7.4\n2011-02-02,EUR,LVL,0.7\n2011-02-02,EUR,eur,1\n`,
    );
    expect(await run([archive])).toEqual({
      status: 0,
      out: `${archive}: 0 new, 0 known, 0 of them with other amounts, 1 bad\n`,
      err: [
        `${archive}:4: quote "eur" is no currency of the ISO 4217 list; did you mean EUR?`,
        `${archive}: 2 rows skipped: rates of currencies that are no longer in use`,
        "bad rows skipped: 1\n",
      ].join("\n"),
    });
  });

  it("takes the sources that the configuration makes FX sources, and names them otherwise", async () => {
    const config = fileWith("stellarindex.toml", '[[sources]]\nname = "boe"\nclass = "exchange"\nsubclass = "fx"\n');
    expect(await run([rates, "--source", "boe", "--config", config])).toMatchObject({
      status: 0,
      out: expect.stringContaining("1 new"),
    });
    expect(await run([rates, "--source", "kraken", "--config", config])).toEqual({
      status: 2,
      out: "",
      err:
        '--source: "kraken" is no FX source. There are boe, ecb, exchangeratesapi, massive, polygon-forex; ' +
        '[[sources]] with class = "exchange" and subclass = "fx" adds others\n',
    });
  });

  it.each<[string, string, Environment]>([
    ["no such file: ", join(directory, "absent.csv"), {}],
    ["database.url is pglite:memory, which is gone", rates, { STELLARINDEX_DATABASE_URL: "pglite:memory" }],
  ])("refuses: %s", async (reason, file, environment) => {
    expect(await run([file], environment)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });
});
