import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MINUTE } from "../internal/canonical/bucket.ts";
import { parsePair } from "../internal/canonical/pair.ts";
import { parseTime } from "../internal/canonical/time.ts";
import { openTestDatabase, type TestEngine, testEngines } from "../internal/storage/connection/database.testing.ts";
import { trade } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { runHere, runProgram } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
// Kept open: commands go through it, which is faster than starting an embedded database each time.
const database = await openTestDatabase(engine as TestEngine);

const environment = { STELLARINDEX_DATABASE_URL: database.url };
const verify = (...args: string[]) => runHere(["rollups", "verify", ...args], environment);

const T = parseTime("2026-03-01T10:00:00Z");
const PAIR = parsePair("XLM/USD");

beforeAll(async () => {
  const rows = Array.from({ length: 30 }, (_, minute) => trade(PAIR, T + BigInt(minute) * MINUTE));
  await writeTrades(database, [...rows, trade(parsePair("BTC/USD"), T)]);
});
afterAll(database.drop);

describe("rollups verify", () => {
  it("finds no differences if rollups and trades agree", async () => {
    expect(await runProgram(["rollups", "verify"], environment)).toEqual({
      status: 0,
      out: "31 trades counted, 0 rollups differ\n",
      err: "",
    });
  });

  it("names the rollups that differ, and recomputes them with --repair", async () => {
    await database.sql.unsafe("UPDATE trades_1h SET trade_count = 31, price_max = 9 WHERE base_asset = 'crypto:XLM'");
    const named =
      "trades_1h crypto:XLM/fiat:USD 2026-03-01T10:00:00Z kraken: wrong; price_max is 9, trades say 1; " +
      "trade_count is 31, trades say 30\n";
    expect(await verify("--pair", "BTC/USD")).toMatchObject({ status: 0, out: "1 trades counted, 0 rollups differ\n" });
    expect(await verify("--to", "2026-03-01T10:00:00Z")).toMatchObject({ status: 0 });
    expect(await verify("--from", "2026-03-01T10:59:59Z")).toEqual({
      status: 1,
      out: "31 trades counted, 1 rollups differ\nrun with --repair to recompute them\n",
      err: named,
    });
    expect(await verify("--repair")).toEqual({
      status: 0,
      out: "31 trades counted, 1 rollups differ\n1 repaired, 0 left\n",
      err: named,
    });
    expect(await verify()).toMatchObject({ status: 0 });
  });

  it("shows the first differences and the number of the others", async () => {
    await database.sql.unsafe("DELETE FROM trades_1m WHERE base_asset = 'crypto:XLM'");
    const { out, err, status } = await verify("--repair");
    expect(out).toBe(
      "31 trades counted, 30 rollups differ\n10 of the differences are not shown\n30 repaired, 0 left\n",
    );
    expect(err.trimEnd().split("\n")).toHaveLength(20);
    expect(err).toMatch(/^trades_1m crypto:XLM\/fiat:USD 2026-03-01T10:00:00Z kraken: missing\n/);
    expect(status).toBe(0);
  });

  it("names the time before which it does not compare", async () => {
    await database.sql.unsafe(
      "UPDATE retention_horizons SET complete_from = '2026-03-01 11:00Z' WHERE table_name = 'trades'",
    );
    expect(await verify()).toEqual({
      status: 0,
      out: "0 trades counted, 0 rollups differ\nskipped hours before 2026-03-01T11:00:00Z, whose raw trades have been removed\n",
      err: "",
    });
  });

  it.each([
    [["--pair", "XLM"], "--pair: "],
    [["--from", "yesterday"], "--from: "],
    [["--to", "2026-03-01"], "--to: "],
    [["--from", "2026-03-02T00:00:00Z", "--to", "2026-03-01T00:00:00Z"], "--from is not before --to"],
    [["--fix"], "unknown option '--fix'"],
  ])("refuses %j", async (args, reason) => {
    expect(await verify(...args)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });
});
