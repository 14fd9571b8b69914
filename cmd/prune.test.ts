import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOUR } from "../internal/canonical/bucket.ts";
import { floorTo, formatTime } from "../internal/canonical/time.ts";
import {
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
  type TestEngine,
  testEngines,
} from "../internal/storage/connection/database.testing.ts";
import { freshPair, sessionOf, trade, untilBlockedBy } from "../internal/storage/trades/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { type Environment, runHere, runProgram, startProgram } from "../test/program.ts";
import { enginesOf } from "../test/thoroughness.ts";

const [engine] = enginesOf(testEngines);
// Kept open: commands go through it, which is faster than starting an embedded database each time.
let pruned: TestDatabase;

const run = (args: readonly string[] = [], environment: Environment = {}) =>
  runHere(["prune", ...args], { STELLARINDEX_DATABASE_URL: pruned.url, ...environment });
const keep = (trades: string): Environment => ({ STELLARINDEX_DATABASE_RETENTION_TRADES: trades });

const now = BigInt(Date.now()) * 1000n;
const hoursAgo = (hours: bigint) => floorTo(now - hours * HOUR, HOUR);

beforeAll(async () => {
  pruned = await openTestDatabase(engine as TestEngine);
  const pair = freshPair();
  await writeTrades(
    pruned,
    [1000n, 500n, 300n, 1n].map((hours) => trade(pair, hoursAgo(hours))),
  );
});
afterAll(() => pruned?.drop());

describe("prune", () => {
  it("prints with --dry-run what it would remove, removes that, and can be repeated", async () => {
    const before = expect.stringMatching(/^trades: 1 rows from before \d{4}-\d\d-\d\dT\d\d:00:00Z would be removed\n$/);
    expect(await run(["--dry-run"], keep("700h"))).toEqual({ status: 0, out: before, err: "" });
    const removed = (rows: number) =>
      expect.stringMatching(
        new RegExp(`^trades: ${rows} rows from before \\d{4}-\\d\\d-\\d\\dT\\d\\d:00:00Z removed\\n$`),
      );
    expect(await run([], keep("700h"))).toEqual({ status: 0, out: removed(1), err: "" });
    expect(await run([], keep("700h"))).toEqual({ status: 0, out: removed(0), err: "" });
  });

  it("removes rows of the named tables before a time", async () => {
    const time = formatTime(hoursAgo(400n) + 1n);
    const hour = formatTime(hoursAgo(400n));
    expect(await run(["--table", "trades_1m", "trades", "--before", time])).toEqual({
      status: 0,
      out: `trades: 1 rows from before ${hour} removed\ntrades_1m: 2 rows from before ${hour} removed\n`,
      err: "",
    });
    expect(await run(["--table", "trades_1h", "--older-than", "400h", "--dry-run"])).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^trades_1h: 2 rows from before .* would be removed\n$/),
    });
  });

  it("removes nothing without retention", async () => {
    expect(await runProgram(["prune"], { STELLARINDEX_DATABASE_URL: pruned.url })).toEqual({
      status: 0,
      out: "nothing to prune: [database.retention] keeps every table for ever\n",
      err: "",
    });
  });

  it.each([
    [["--before", "2026-01-01T00:00:00Z"], "--table is missing; use one of trades, trades_1m, trades_1h"],
    [["--older-than", "1000h"], "--table is missing"],
    [["--table", "trades"], "[database.retention] keeps trades for ever; change that, or use --older-than or --before"],
    [["--table", "market"], "Allowed choices are trades, trades_1m, trades_1h"],
    [["--table", "trades", "--older-than", "1mo"], '--older-than: "1mo" is not a duration'],
    [["--table", "trades", "--before", "yesterday"], "--before: "],
    [["--table", "trades", "--before", "2999-01-01T00:00:00Z"], "--before is in the future"],
    [
      ["--table", "trades", "--before", "2025-01-01T00:00:00Z", "--older-than", "1h"],
      "option '--before <time>' cannot be used with option '--older-than <duration>'",
    ],
    [
      ["--table", "trades_1m", "--older-than", "23h"],
      "nothing was removed: what trades_1m would keep (23h) is shorter than the longest window (24h), which then has no value",
    ],
    [
      ["--table", "trades_1h", "--older-than", "0"],
      "what trades_1h would keep (1s) is shorter than the longest window",
    ],
    [
      ["--table", "trades", "--older-than", "100h"],
      "what trades would keep (100h) is shorter than 168h, the maximum age of an exchange rate to USD",
    ],
  ])("refuses %j", async (args, reason) => {
    expect(await run(args)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });

  it("refuses a retention that is too short", async () => {
    expect(await run([], keep("12h"))).toMatchObject({
      status: 2,
      out: "",
      err: expect.stringContaining("nothing was removed: what trades would keep (12h) is shorter than"),
    });
  });
});

if (serverTestEngine === null) console.log("left out: prune interrupted by a signal, because it needs PostgreSQL");

describe.skipIf(serverTestEngine === null)("prune on a server", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(serverTestEngine as NonNullable<typeof serverTestEngine>);
  });
  afterAll(() => database.drop());

  it.each(["SIGTERM", "SIGINT"] as const)("exits on %s while it waits, and has changed nothing", async (signal) => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, hoursAgo(1000n))]);
    const reader = await database.sql.reserve();
    await reader`BEGIN`;
    await reader`LOCK TABLE retention_horizons IN ACCESS SHARE MODE`;
    const program = startProgram(["prune"], { STELLARINDEX_DATABASE_URL: database.url, ...keep("700h") });
    await untilBlockedBy(database.sql, await sessionOf(reader));
    expect(await program.stop(signal)).toBe(1);
    await reader`COMMIT`;
    reader.release();
    expect(await database.sql`SELECT FROM trades WHERE base_asset = ${pair.base}`).toHaveLength(1);
    expect(await database.sql`SELECT FROM retention_horizons WHERE isfinite(complete_from)`).toHaveLength(0);
  });
});
