import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HOUR } from "../internal/canonical/bucket.ts";
import { floorTo, formatTime } from "../internal/canonical/time.ts";
import {
  embeddedDirectory,
  openTestDatabase,
  serverTestEngine,
  type TestDatabase,
} from "../internal/storage/database.testing.ts";
import { type Database, openDatabase } from "../internal/storage/database.ts";
import { freshPair, sessionOf, trade, untilBlockedBy } from "../internal/storage/trades.testing.ts";
import { writeTrades } from "../internal/storage/trades.ts";
import { type Environment, runProgram, startProgram } from "../test/program.ts";

const directory = embeddedDirectory();
const url = `pglite:${directory}`;
// Kept open: the program goes through it, which is faster than starting a database each time.
let embedded: Database;

const run = (args: readonly string[] = [], environment: Environment = {}) =>
  runProgram(["prune", ...args], { STELLARINDEX_DATABASE_URL: url, ...environment });
const keep = (trades: string): Environment => ({ STELLARINDEX_DATABASE_RETENTION_TRADES: trades });

const now = BigInt(Date.now()) * 1000n;
const hoursAgo = (hours: bigint) => floorTo(now - hours * HOUR, HOUR);

beforeAll(async () => {
  embedded = await openDatabase({ url, max_connections: 1 });
  const pair = freshPair();
  await writeTrades(
    embedded,
    [1000n, 500n, 300n, 1n].map((hours) => trade(pair, hoursAgo(hours))),
  );
});
afterAll(async () => {
  await embedded.close();
  rmSync(directory, { recursive: true });
});

describe("prune", () => {
  it("applies the configuration, after it has said what that would do, and again without harm", async () => {
    const before = expect.stringMatching(/^trades: 1 rows from before \d{4}-\d\d-\d\dT\d\d:00:00Z would be removed\n$/);
    expect(await run(["--dry-run"], keep("700h"))).toEqual({ status: 0, out: before, err: "" });
    const removed = (rows: number) =>
      expect.stringMatching(
        new RegExp(`^trades: ${rows} rows from before \\d{4}-\\d\\d-\\d\\dT\\d\\d:00:00Z removed\\n$`),
      );
    expect(await run([], keep("700h"))).toEqual({ status: 0, out: removed(1), err: "" });
    expect(await run([], keep("700h"))).toEqual({ status: 0, out: removed(0), err: "" });
  });

  it("cuts the tables that are named, to a time", async () => {
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

  it("has nothing to do where everything is kept", async () => {
    expect(await run()).toEqual({
      status: 0,
      out: "nothing to prune: [database.retention] keeps every table for ever\n",
      err: "",
    });
  });

  it.each([
    [["--before", "2026-01-01T00:00:00Z"], "name what to cut with --table: trades, trades_1m, trades_1h"],
    [["--older-than", "1000h"], "name what to cut with --table"],
    [
      ["--table", "trades"],
      "[database.retention] keeps trades for ever; set it there, or give --older-than or --before",
    ],
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
      "nothing was removed: what is kept of trades_1m (23h) is shorter than the longest window (24h), which then has no value",
    ],
    [
      ["--table", "trades_1h", "--older-than", "0"],
      "what is kept of trades_1h (1s) is shorter than the longest window",
    ],
    [
      ["--table", "trades", "--older-than", "100h"],
      "what is kept of trades (100h) is shorter than the 168h that rates to USD may be old",
    ],
  ])("refuses %j", async (args, reason) => {
    expect(await run(args)).toMatchObject({ status: 2, out: "", err: expect.stringContaining(reason) });
  });

  it("refuses a configuration that keeps too little", async () => {
    expect(await run([], keep("12h"))).toMatchObject({
      status: 2,
      out: "",
      err: expect.stringContaining("nothing was removed: what is kept of trades (12h) is shorter than"),
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

  it.each(["SIGTERM", "SIGINT"] as const)("ends on %s while it waits, and has changed nothing", async (signal) => {
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
