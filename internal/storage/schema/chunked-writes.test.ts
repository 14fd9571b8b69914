import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseDecimal } from "../../canonical/decimal.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { batchWriterFor, type WriteBatch } from "./chunked-writes.ts";

const DAY = seconds(86_400);
const NOW = parseTime("2026-03-02T10:00:00Z");

describe.each(enginesOf(testEngines))("batches of any times on $name", (engine) => {
  let database: TestDatabase;
  let write: WriteBatch;

  beforeAll(async () => {
    database = await openTestDatabase(engine);
    write = await batchWriterFor(database, () => NOW);
  });
  afterAll(() => database.drop());

  const daily = (from: Micros, days: number) => {
    const pair = freshPair();
    return Array.from({ length: days }, (_, day) => trade(pair, from + BigInt(day) * DAY));
  };

  it("are written once in any order, and conflicting ones are reported in that order", async () => {
    const rows = daily(parseTime("2015-01-01T12:00:00Z"), 200).reverse();
    expect(await write(rows)).toEqual({ inserted: 200, known: 0, conflicting: [] });
    const changed = rows.map((row, index) => (index % 50 === 0 ? { ...row, quoteAmount: parseDecimal("77") } : row));
    expect(await write(changed)).toMatchObject({ inserted: 0, known: 200 });
    expect((await write(changed)).conflicting.map(({ ts }) => ts).sort()).toEqual(
      changed.flatMap(({ ts }, index) => (index % 50 === 0 ? [ts] : [])).sort(),
    );
    expect(await write([])).toEqual({ inserted: 0, known: 0, conflicting: [] });
    await expectRollupsExact(database);
  });

  it("store the first of two trades with the same id", async () => {
    const [row] = daily(parseTime("2016-01-01T12:00:00Z"), 1);
    if (row === undefined) throw new Error("one day is one row");
    const other = { ...row, quoteAmount: parseDecimal("77") };
    expect(await write([row, other])).toMatchObject({ inserted: 1, known: 1, conflicting: [other] });
  });

  if (engine.name !== "timescaledb") return;

  const chunksBetween = async (from: string, to: string) => {
    const rows = await database.sql<{ days: number }[]>`
      SELECT (extract(epoch FROM range_end - range_start) / 86400)::int AS days FROM timescaledb_information.chunks
      WHERE hypertable_name = 'trades' AND range_start >= ${from}::timestamptz AND range_end <= ${to}::timestamptz
      ORDER BY range_start`;
    return rows.map(({ days }) => days);
  };

  it("create long chunks for sparse old trades, and chunks of a day for others", async () => {
    expect(await chunksBetween("2014-10-01T00:00Z", "2015-12-01T00:00Z")).toEqual([90, 90, 90]);
    await write(daily(NOW - 40n * DAY, 39));
    expect(await chunksBetween("2026-01-01T00:00Z", "2027-01-01T00:00Z")).toEqual(Array.from({ length: 39 }, () => 1));
    const dense = daily(parseTime("2020-01-01T12:00:00Z"), 9).flatMap((row) =>
      Array.from({ length: 101 }, (_, second) => ({ ...row, ts: row.ts + seconds(second), tradeId: String(second) })),
    );
    await write(dense);
    expect(await chunksBetween("2020-01-01T00:00Z", "2021-01-01T00:00Z")).toEqual(Array.from({ length: 9 }, () => 1));
    const intervals = await database.sql<{ name: string; days: number }[]>`
      SELECT hypertable_name AS name, extract(day FROM time_interval)::int AS days
      FROM timescaledb_information.dimensions ORDER BY 1`;
    expect(intervals.map(({ name, days: each }) => [name, each])).toEqual([
      ["trades", 1],
      ["trades_1h", 90],
      ["trades_1m", 7],
    ]);
  });
});
