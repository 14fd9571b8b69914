import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCommandDatabase, type TestEngine, testEngines } from "../internal/storage/connection/database.testing.ts";
import { runHere, runProgram } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
const { url, directory, drop } = await openCommandDatabase(engine as TestEngine);
const environment = {
  STELLARINDEX_DATABASE_URL: url,
  STELLARINDEX_AGGREGATE_MIN_USD_VOLUME: "0",
};
afterAll(drop);

const run = (...args: string[]) => runHere(args, environment);
const remove = (...args: string[]) => run("trades", "delete", "--pair", "XLM/USD", "--yes", ...args);
const compute = (...args: string[]) => run("compute", "--window", "5m", ...args);

describe(`import, compute and trades delete on ${engine?.name}`, () => {
  it("deletes a wrong trade, and values are computed without it", async () => {
    const file = join(directory, "trades.csv");
    writeFileSync(
      file,
      "ts,source,pair,price,size,trade_id\n2026-01-01T00:01:00Z,kraken,XLM/USD,0.1,10,a\n2026-01-01T00:02:00Z,kraken,XLM/USD,9,10,b\n",
    );
    expect(await run("import", file)).toMatchObject({
      status: 0,
      out: expect.stringContaining("2 new"),
    });
    const at = ["--pair", "XLM/USD", "--at", "2026-01-01T00:05:00Z"];
    // An alias of a configured pair is shown as the configured pair.
    expect(JSON.parse((await compute("--pair", "native/USD", ...at.slice(2))).out)).toMatchObject({
      pair: "crypto:XLM/fiat:USD",
      price: "4.55",
      trade_count: 2,
    });
    expect(await run("trades", "delete", "--pair", "XLM/USD", ...range, "--id", "b", "--dry-run")).toMatchObject({
      status: 0,
      out: "kraken: 1 trades, from 2026-01-01T00:02:00Z to 2026-01-01T00:02:00Z, would be deleted\n",
    });
    const deletion = ["trades", "delete", "--pair", "XLM/USD", "--yes", ...range, "--id", "b"];
    expect(await runProgram(deletion, environment)).toMatchObject({ status: 0, out: "deleted 1 trades\n" });
    const computed = await compute(...at);
    expect(JSON.parse(computed.out)).toMatchObject({ price: "0.1", trade_count: 1 });
  });

  it("explains why a pair that is an inverted market is withheld", async () => {
    const file = join(directory, "jump.csv");
    const [calm, jump] = ["00:01:00Z,kraken,JUMP/USD,1,10,a", "01:02:00Z,kraken,JUMP/USD,9,10,b"];
    writeFileSync(file, `ts,source,pair,price,size,trade_id\n2026-01-01T${calm}\n2026-01-01T${jump}\n`);
    expect(await run("import", file)).toMatchObject({ status: 0 });
    expect(await compute("--pair", "USD/JUMP", "--at", "2026-01-01T01:05:00Z")).toEqual({
      status: 1,
      out: "",
      err: expect.stringMatching(/guard_factor.* \(of crypto:JUMP\/fiat:USD, the inverted market\)\n$/),
    });
  });

  const range = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T01:00:00Z"];

  it.each([
    [["--id", "a", "c"], 'no trade of the pair in this period has the id "c"; nothing was deleted'],
    [["--source", "bybit", "--id", "a"], 'no trade of the pair in this period of bybit has the id "a"'],
    [["--source", "krakn"], "no trade of the pair in this period; check --pair, --source, --from and --to"],
  ])("deletes nothing if %j names trades that do not exist", async (args, reason) => {
    const refused = { status: 1, out: "", err: expect.stringContaining(reason) };
    expect(await remove(...range, ...args)).toMatchObject(refused);
    expect(await run("trades", "delete", "--pair", "XLM/USD", "--dry-run", ...range, ...args)).toMatchObject(refused);
    const at = ["--pair", "XLM/USD", "--at", "2026-01-01T00:05:00Z"];
    expect(JSON.parse((await compute(...at)).out)).toMatchObject({ trade_count: 1 });
  });

  it("requires --yes or --dry-run", async () => {
    expect(await run("trades", "delete", "--pair", "XLM/USD", ...range)).toMatchObject({
      status: 2,
      err: expect.stringContaining("give --yes to delete, or --dry-run"),
    });
    expect(await remove(...range, "--dry-run")).toMatchObject({
      status: 2,
      err: expect.stringContaining("cannot be used with option '--dry-run'"),
    });
  });

  it.each([
    [["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "--from is not before --to"],
    [["--from", "yesterday", "--to", "2026-01-01T00:00:00Z"], "--from: "],
  ])("refuses %j", async (range, reason) => {
    expect(await remove(...range)).toMatchObject({ status: 2, err: expect.stringContaining(reason) });
  });

  it.each([
    [["--pair", "native/crypto:XLM"], "one asset on both sides"],
    [["--pair", "XLM/USD", "--at", "0001-01-01T00:00:00Z"], "is before 1970"],
    [["--pair", "XLM/USD", "--at", "2999-01-01T00:00:00Z"], "is in the future"],
  ])("refuses compute %j", async (args, reason) => {
    expect(await compute(...args)).toMatchObject({ status: 2, err: expect.stringContaining(reason) });
  });
});
