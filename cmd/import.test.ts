import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeZip } from "../internal/lib/zip.testing.ts";
import { openCommandDatabase, type TestEngine, testEngines } from "../internal/storage/connection/database.testing.ts";
import { runHere, runProgram } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
const { url, directory, drop } = await openCommandDatabase(engine as TestEngine);
afterAll(drop);

const file = join(directory, "trades.csv");
writeFileSync(
  file,
  [
    "ts,source,pair,price,size",
    ..."123".split("").map((size) => `2026-01-01T00:01:00Z,kraken,xrp/eth,0.1,${size}`),
    "",
  ].join("\n"),
);

const environment = { STELLARINDEX_DATABASE_URL: url };
const run = (...args: string[]) => runHere(["import", ...args], environment);

describe("import", () => {
  it("derives the same ids by place or by hash each time, and names assets in wrong case", async () => {
    const asked = `${file}: 3 rows of crypto:xrp/crypto:eth: did you mean crypto:XRP/crypto:ETH?\n`;
    const counts = async (...args: string[]) => {
      const { status, out, err } = await run(file, ...args);
      expect({ status, err }).toEqual({ status: 0, err: asked });
      return out.replace(`${file}: `, "").split(" conflicting")[0];
    };
    expect(await counts("--ids", "place")).toBe("3 new, 0 duplicates, 0");
    expect(await counts("--ids", "place")).toBe("0 new, 3 duplicates, 0");
    // Ids by hash make them different trades; the help says to keep one method.
    expect(await counts()).toBe("3 new, 0 duplicates, 0");
    expect(await counts("--ids", "hash")).toBe("0 new, 3 duplicates, 0");
  });

  it("exits with 1 if a file has no valid row, and with 0 if it has one", async () => {
    const epochs = join(directory, "epochs.csv");
    const header = "ts,source,pair,price,size";
    const bad = ["1767225660", "1767225661"].map((ts) => `${ts},kraken,XRP/ETH,0.1,1`);
    writeFileSync(epochs, [header, ...bad, ""].join("\n"));
    expect(await run(epochs)).toEqual({
      status: 1,
      out: `${epochs}: 0 new, 0 duplicates, 0 conflicting, 2 bad\n`,
      err: [
        `${epochs}:2: ts "1767225660" is not a time with a zone; as seconds since 1970 it is 2026-01-01T00:01:00Z: write that`,
        `${epochs}:3: ts "1767225661" is not a time with a zone; as seconds since 1970 it is 2026-01-01T00:01:01Z: write that`,
        `${epochs}: none of its rows can be used`,
        "bad rows skipped: 2\n",
      ].join("\n"),
    });
    writeFileSync(epochs, [header, ...bad, "2026-01-01 00:01:02 UTC,kraken,XRP/ETH,0.1,1", ""].join("\n"));
    expect(await run(epochs)).toMatchObject({ status: 0, out: expect.stringContaining("1 new") });
  });

  it("reads standard input once, and refuses other pipes", async () => {
    const zip = makeZip([
      { name: "XLMEUR.csv", content: "1767225660.5,0.25,8\n" },
      { name: "notes/readme.txt", content: "all trades of 2026\n" },
    ]);
    const first = await runProgram(["import", "-"], environment, undefined, zip);
    expect(first).toMatchObject({
      status: 1,
      out: [
        "-/XLMEUR.csv: 1 new, 0 duplicates, 0 conflicting, 0 bad",
        "-/notes/readme.txt: 0 new, 0 duplicates, 0 conflicting, 0 bad",
        "total: 1 new, 0 duplicates, 0 conflicting, 0 bad\n",
      ].join("\n"),
      err: expect.stringMatching(
        /^-\/XLMEUR\.csv: read as --format kraken, without header: .*pair crypto:XLM\/fiat:EUR, from the file name "XLMEUR.csv"\n-\/notes\/readme\.txt: not imported: lacks the columns/,
      ),
    });
    const csv = "1767225660.5,0.25,8\n";
    const again = await runProgram(
      ["import", "-", "--format", "kraken", "--pair", "XLM/EUR"],
      environment,
      undefined,
      csv,
    );
    expect(again).toMatchObject({ status: 0, out: "-: 0 new, 1 duplicates, 0 conflicting, 0 bad\n" });
    expect(await run("-", "-")).toMatchObject({
      status: 2,
      err: expect.stringContaining("standard input is read once"),
    });
    const pipe = join(directory, "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(await run(pipe)).toMatchObject({
      status: 1,
      err: `${pipe}: not imported: is a pipe or a device; write it to a file first: COMMAND > trades.csv\n`,
    });
  });

  it("accepts each market of a source in one orientation, and no trades of the future", async () => {
    const mixed = join(directory, "mixed.csv");
    const ahead = new Date(Date.now() + 7_200_000).toISOString();
    const rows = [
      "ts,source,pair,price,size,trade_id",
      "2026-01-01T00:01:00Z,kraken,XLM/USD,0.1,10,1",
      "2026-01-01T00:01:01Z,kraken,USD/XLM,10,1,2",
      "2026-01-01T00:01:02Z,ecb,USD/XLM,10,1,3",
      `${ahead},kraken,XLM/USD,0.1,10,4`,
    ];
    writeFileSync(mixed, `${rows.join("\n")}\n`);
    const first = await run(mixed);
    expect(first.out).toBe(`${mixed}: 2 new, 0 duplicates, 0 conflicting, 2 bad\n`);
    expect(first.err).toContain(
      "not stored, 1 row of fiat:USD/crypto:XLM at kraken, the first on line 3: this market is stored " +
        "in the inverse orientation " +
        "(as crypto:XLM/fiat:USD, 1 of its trades, from the hour of 2026-01-01T00:00:00Z on)",
    );
    expect(first.err).toContain(
      "stellarindex trades delete --pair crypto:XLM/fiat:USD --source kraken --from 2026-01-01",
    );
    expect(first.err).toMatch(/mixed\.csv:5: ts \S+Z is in the future: this machine's clock says \S+Z; /);
    // The stored orientation takes precedence over the first one in the file.
    const inverse = join(directory, "inverse.csv");
    // This holds under any alias.
    const other = "2026-01-01T00:01:01Z,kraken,USD/native,10,1,5";
    writeFileSync(inverse, `${[rows[0], rows[2], other].join("\n")}\n`);
    expect((await run(inverse)).out).toContain("0 new, 0 duplicates, 0 conflicting, 2 bad");
    expect((await runProgram(["import", mixed], environment)).out).toContain("0 new, 2 duplicates");
  });

  it("refuses unknown values of --ids", async () => {
    const { status, err } = await run(file, "--ids", "line");
    expect(status).toBe(2);
    expect(err).toContain("Allowed choices are hash, place.");
  });

  it("shows with --dry-run what it understands, and writes nothing", async () => {
    const own = join(directory, "own.csv");
    const rows = Array.from({ length: 9 }, (_, index) => `${1767225660 + index};0.25;${index + 1}`);
    writeFileSync(own, ["t;p;q", ...rows, ""].join("\n"));
    const options = [
      "--map",
      "ts=t,price=p,size=q",
      "--source",
      "mine",
      "--pair",
      "XLM/CHF",
      "--delimiter",
      ";",
      "--ids",
      "place",
    ];
    expect(await run(own, "--dry-run", "--map", "ts=t,price=p,size=q")).toMatchObject({ status: 1, out: "" });
    // No database is opened: this one does not exist.
    const dry = await runHere(["import", own, "--dry-run", "--time-unit", "s", ...options], {
      STELLARINDEX_DATABASE_URL: "postgresql://127.0.0.1:1/absent",
    });
    expect(dry).toMatchObject({ status: 0, err: "" });
    const lines = dry.out.trimEnd().split("\n");
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe(
      `${own}: read as trades with the columns of import: ts from t; price from p; size from q; ` +
        "source mine, as given; pair crypto:XLM/fiat:CHF, as given; times in seconds since 1970",
    );
    expect(lines[5]).toBe(`${own}:6: 2026-01-01T00:01:04Z mine crypto:XLM/fiat:CHF 5 for 1.25, an id made by --ids`);
    expect(await run(own, "--time-unit", "s", ...options)).toMatchObject({
      status: 0,
      out: `${own}: 9 new, 0 duplicates, 0 conflicting, 0 bad\n`,
      err: `${lines[0]}\n`,
    });
  });

  it.each([
    [["--map", "ts=t", "--format", "kraken"], "cannot be used with"],
    [["--map", "when=t"], '--map: "when" is none of ts, source'],
    [["--map", "ts"], '--map: "ts" is not FIELD=COLUMN'],
    [["--zone", "Mars/Base"], "--zone: "],
    [["--pair", "XLMUSD"], "--pair: "],
    [["--source", "Kraken"], "--source: "],
    [["--format", "nothing"], "Allowed choices are binance-trades"],
  ])("refuses %j", async (options, reason) => {
    const { status, err } = await run(file, ...options);
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(reason) });
  });

  it("explains the values of --ids in its help", async () => {
    const { status, out } = await run("--help");
    expect(status).toBe(0);
    for (const word of ["--ids <how>", "docs/import.md", "open", "close", "TWAP", "CODE:ISSUER"])
      expect(out).toContain(word);
  });
});
