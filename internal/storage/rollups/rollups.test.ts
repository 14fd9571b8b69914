import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { makePair, type Pair } from "../../canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { freshPair, insertTrades, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { expectRollupsExact } from "./rollups.testing.ts";

const T = parseTime("2026-03-01T10:00:00Z");

class Undo extends Error {}

describe.each(enginesOf(testEngines))("rollups equal the sums of the trades on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  // After each test the rollups must equal the exact sums of all trades.
  afterEach(() => expectRollupsExact(database));

  /** Returns one line per rollup row: bucket, source, count, and the ids of the opening and the closing trade. */
  async function linesOf(table: "trades_1m" | "trades_1h", pair: Pair): Promise<string[]> {
    const rows = await database.sql<{ line: string }[]>`
      SELECT concat_ws(' ', to_char(bucket AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), source, trade_count,
        open_trade_id, close_trade_id) AS line
      FROM ${database.sql(table)} WHERE base_asset = ${pair.base} AND quote_asset = ${pair.quote}
      ORDER BY bucket, source`;
    return rows.map(({ line }) => line);
  }

  it("and the comparison finds a wrong column, a missing row and a surplus row", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T)]);
    const own = (sql: Sql) => sql`base_asset = ${pair.base}`;
    for (const tamper of [
      (sql: Sql) => sql`UPDATE trades_1m SET price_square_sum = 1.0000000001 WHERE ${own(sql)}`,
      (sql: Sql) => sql`UPDATE trades_1h SET close_trade_id = '2' WHERE ${own(sql)}`,
      (sql: Sql) => sql`UPDATE trades_1h SET open_ts = open_ts + interval '1 microsecond' WHERE ${own(sql)}`,
      (sql: Sql) => sql`DELETE FROM trades_1m WHERE ${own(sql)}`,
      (sql: Sql) => sql`INSERT INTO trades_1h SELECT (t).* FROM (
        SELECT jsonb_populate_record(t, '{"source": "other"}') AS t FROM trades_1h AS t WHERE ${own(sql)}) AS copied`,
    ]) {
      const attempt = database.sql.begin(async (sql) => {
        const { count } = await tamper(sql);
        expect(count).toBe(1);
        await expect(expectRollupsExact({ sql })).rejects.toThrow(/beside its recomputation/);
        throw new Undo();
      });
      await expect(attempt).rejects.toThrow(Undo);
    }
  });

  it("for single rows, each in its own statement", async () => {
    const pair = freshPair();
    for (const [index, offset] of [0n, 30_000_000n, 60_000_000n, 59_999_999n, HOUR, HOUR - 1n].entries()) {
      await insertTrades(database.sql, [trade(pair, T + offset, { tradeId: `${index}`, quote: `${index + 1}` })]);
    }
    expect(await linesOf("trades_1m", pair)).toEqual([
      "2026-03-01 10:00 kraken 3 0 3",
      "2026-03-01 10:01 kraken 1 2 2",
      "2026-03-01 10:59 kraken 1 5 5",
      "2026-03-01 11:00 kraken 1 4 4",
    ]);
    expect(await linesOf("trades_1h", pair)).toEqual([
      "2026-03-01 10:00 kraken 5 0 5",
      "2026-03-01 11:00 kraken 1 4 4",
    ]);
  });

  it("for late trades before the opening one, and out of order within a batch", async () => {
    const pair = freshPair();
    await writeTrades(database, [
      trade(pair, T + 40n, { tradeId: "d" }),
      trade(pair, T + 20n, { tradeId: "b" }),
      trade(pair, T + 30n, { tradeId: "c" }),
    ]);
    expect(await linesOf("trades_1m", pair)).toEqual(["2026-03-01 10:00 kraken 3 b d"]);
    await writeTrades(database, [trade(pair, T + 10n, { tradeId: "a" })]);
    expect(await linesOf("trades_1h", pair)).toEqual(["2026-03-01 10:00 kraken 4 a d"]);
    await writeTrades(database, [trade(pair, T + 25n, { tradeId: "between", quote: "9" })]);
    expect(await linesOf("trades_1h", pair)).toEqual(["2026-03-01 10:00 kraken 5 a d"]);
  });

  // Bytewise, upper case comes before lower case, and U+FF61 before U+1F600, in contrast to UTF-16.
  it.each([
    { why: "the shorter id comes first", ids: ["9", "10", "100"] },
    { why: "ids of one length are ordered bytewise", ids: ["B", "a", "b", "é"] },
    { why: "length is counted in characters, not bytes", ids: ["é", "aa"] },
    { why: "characters beyond the basic plane are ordered bytewise", ids: ["\uff61", "\u{1f600}"] },
  ])("for trades with the same timestamp: $why", async ({ ids }) => {
    const orders = [ids, [...ids].reverse()];
    for (const batches of orders.flatMap((order) => [[order], order.map((id) => [id])])) {
      const pair = freshPair();
      for (const batch of batches) {
        await writeTrades(
          database,
          batch.map((tradeId) => trade(pair, T, { tradeId, quote: `${ids.indexOf(tradeId) + 1}` })),
        );
      }
      const ends = `${ids.length} ${ids[0]} ${ids.at(-1)}`;
      expect(await linesOf("trades_1m", pair)).toEqual([`2026-03-01 10:00 kraken ${ends}`]);
      expect(await linesOf("trades_1h", pair)).toEqual([`2026-03-01 10:00 kraken ${ends}`]);
    }
  });

  it("for duplicates in the same or a later batch, with the same or different amounts", async () => {
    const pair = freshPair();
    const first = trade(pair, T, { tradeId: "1", quote: "2" });
    const other = trade(pair, T, { tradeId: "1", quote: "3" });
    const second = trade(pair, T + 1n, { tradeId: "1" });
    expect(await writeTrades(database, [first, other, first, second])).toEqual({
      inserted: 2,
      known: 2,
      conflicting: [other],
    });
    expect(await writeTrades(database, [second, first])).toEqual({ inserted: 0, known: 2, conflicting: [] });
    expect(await writeTrades(database, [other, trade(pair, T + 2n)])).toEqual({
      inserted: 1,
      known: 1,
      conflicting: [other],
    });
    expect(await linesOf("trades_1m", pair)).toEqual(["2026-03-01 10:00 kraken 3 1 1"]);
  });

  it("for trades that differ in one part of the identity only", async () => {
    const pair = freshPair();
    const inverse = { base: pair.quote, quote: pair.base };
    const rows = [
      trade(pair, T),
      trade(pair, T + 1n),
      trade(pair, T, { source: "sdex" }),
      trade(pair, T, { tradeId: "2" }),
      trade(freshPair(), T),
      trade({ ...pair, quote: freshPair().base }, T),
      trade(inverse, T),
    ];
    expect(await writeTrades(database, rows)).toEqual({ inserted: rows.length, known: 0, conflicting: [] });
  });

  it("for several pairs, sources, minutes and hours in one batch", async () => {
    const pairs = [freshPair(), freshPair(), freshPair("crypto:USDC")];
    const rows = pairs.flatMap((pair, p) =>
      ["binance", "kraken", "sdex"].flatMap((source, s) =>
        [0n, 1n, MINUTE - 1n, MINUTE, HOUR - 1n, HOUR, 25n * HOUR].map((offset, t) =>
          trade(pair, T + offset, { source, tradeId: `${t}`, base: `0.${p + 1}`, quote: `${s * 7 + t + 1}.5` }),
        ),
      ),
    );
    await writeTrades(database, rows);
    for (const pair of pairs) {
      expect(await linesOf("trades_1m", pair)).toHaveLength(15);
      expect(await linesOf("trades_1h", pair)).toHaveLength(9);
    }
  });

  it("for times before 1970 and at the ends of the calendar", async () => {
    const pair = freshPair();
    const times = [
      "0001-01-01T00:00:00Z",
      "1883-11-18T11:59:59.999999Z",
      "1969-12-31T23:59:59.999999Z",
      "1970-01-01T00:00:00Z",
      "9999-12-31T23:59:59.999999Z",
    ];
    // In one statement and in separate ones: a bucket must not depend on its neighbours.
    await writeTrades(
      database,
      times.map((time) => trade(pair, time, { source: "kraken" })),
    );
    for (const time of times) await writeTrades(database, [trade(pair, time, { source: "sdex" })]);
    const buckets = [
      "0001-01-01 00:00",
      "1883-11-18 11:59",
      "1969-12-31 23:59",
      "1970-01-01 00:00",
      "9999-12-31 23:59",
    ];
    const lines = buckets.flatMap((bucket) => [`${bucket} kraken 1 1 1`, `${bucket} sdex 1 1 1`]);
    expect(await linesOf("trades_1m", pair)).toEqual(lines);
    expect(await linesOf("trades_1h", pair)).toEqual(lines.map((line) => line.replace(/:59 /, ":00 ")));
  });

  it("for the largest and the smallest amounts", async () => {
    const pair = freshPair();
    const largest = `${"9".repeat(40)}.${"9".repeat(30)}`;
    const smallest = `0.${"0".repeat(29)}1`;
    await writeTrades(database, [
      trade(pair, T, { tradeId: "1", base: smallest, quote: largest }),
      trade(pair, T, { tradeId: "2", base: largest, quote: smallest }),
      trade(pair, T, { tradeId: "3", base: "3", quote: "1" }),
    ]);
    const [row] = await database.sql`
      SELECT trim_scale(base_volume)::text AS base, trim_scale(price_max)::text AS max, price_min::text AS min
      FROM trades_1h WHERE base_asset = ${pair.base}`;
    // Σ = 3 + 10⁻³⁰ + (10⁴⁰ − 10⁻³⁰)
    expect(row).toEqual({
      base: `1${"0".repeat(39)}3`,
      max: "9".repeat(70),
      min: "0",
    });
  });

  it("after the rollback of a statement or its transaction", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T, { tradeId: "stays" })]);
    const attempt = database.sql.begin(async (sql) => {
      await insertTrades(sql, [trade(pair, T + 1n, { tradeId: "goes" })]);
      throw new Undo();
    });
    await expect(attempt).rejects.toThrow(Undo);
    // The second row is a duplicate, so that the first one must not be stored either.
    const known = [trade(pair, T + 2n, { tradeId: "goes too" }), trade(pair, T, { tradeId: "stays" })];
    await expect(insertTrades(database.sql, known)).rejects.toMatchObject({ code: "23505" });
    await database.sql.begin(async (sql) => {
      await insertTrades(sql, [trade(pair, T + 3n, { tradeId: "stays too" })]);
      await sql
        .savepoint(async (inner) => {
          await insertTrades(inner, [trade(pair, T + 4n, { tradeId: "goes as well" })]);
          throw new Undo();
        })
        .catch((error: unknown) => expect(error).toBeInstanceOf(Undo));
      // The transaction that wrote the rows sees their sums before its commit.
      await expectRollupsExact({ sql });
    });
    expect(await linesOf("trades_1h", pair)).toEqual(["2026-03-01 10:00 kraken 2 stays stays too"]);
  });

  it("for rows of an INSERT … SELECT, and for an empty one", async () => {
    const [from, to] = [freshPair(), freshPair()];
    await writeTrades(database, [trade(from, T), trade(from, T + MINUTE, { source: "sdex" })]);
    const copy = () => database.sql`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      SELECT ${to.base}, quote_asset, ts, source, trade_id, base_amount, quote_amount FROM trades
      WHERE base_asset = ${from.base} ON CONFLICT DO NOTHING`;
    expect((await copy()).count).toBe(2);
    expect((await copy()).count).toBe(0);
    expect(await linesOf("trades_1h", to)).toEqual(["2026-03-01 10:00 kraken 1 1 1", "2026-03-01 10:00 sdex 1 1 1"]);
  });

  if (engine.server !== null)
    it("for COPY (refused by the embedded engine)", async () => {
      const pair = freshPair();
      const copy = async (sql: Sql, rows: readonly TradeRow[]) => {
        const target = await sql`
        COPY trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount) FROM STDIN`.writable();
        const lines = rows.map((row) =>
          [row.base, row.quote, formatTime(row.ts), row.source, row.tradeId, row.baseAmount, row.quoteAmount].join(
            "\t",
          ),
        );
        return pipeline(Readable.from(lines.map((line) => `${line}\n`)), target);
      };
      const rows = Array.from({ length: 3000 }, (_, id) =>
        trade(pair, T + seconds(id), { tradeId: `${id}`, quote: `${id + 1}` }),
      );
      await copy(database.sql, rows);
      expect(await linesOf("trades_1h", pair)).toEqual(["2026-03-01 10:00 kraken 3000 0 2999"]);
      const attempt = database.sql.begin(async (sql) => {
        await copy(sql, [trade(pair, T - HOUR), trade(pair, T + HOUR)]);
        await expectRollupsExact({ sql });
        throw new Undo();
      });
      await expect(attempt).rejects.toThrow(Undo);
      expect(await linesOf("trades_1h", pair)).toEqual(["2026-03-01 10:00 kraken 3000 0 2999"]);
    });

  it("and are updated in place without index changes (HOT), since pages have free space", async () => {
    const pairs = Array.from({ length: 40 }, () => freshPair());
    const rows = (at: number) =>
      pairs.flatMap((pair) => ["kraken", "sdex"].map((source) => trade(pair, T + seconds(at), { source })));
    // The counts of this connection since its last report, which never happens within a transaction.
    const updates = async (sql: Sql) => {
      const [counts] = await sql<{ all: number; hot: number }[]>`
        SELECT sum(n_tup_upd)::int AS all, sum(n_tup_hot_upd)::int AS hot
        FROM pg_stat_xact_all_tables LEFT JOIN pg_inherits ON inhrelid = relid
        WHERE coalesce(inhparent, relid) IN ('trades_1m'::regclass, 'trades_1h'::regclass)`;
      return counts ?? { all: 0, hot: 0 };
    };
    await insertTrades(database.sql, rows(0));
    await database.sql.begin(async (sql) => {
      const before = await updates(sql);
      await insertTrades(sql, rows(1));
      const after = await updates(sql);
      expect(after.all - before.all).toBe(2 * 80);
      expect(after.hot - before.hot).toBeGreaterThan(0.95 * 2 * 80);
    });
  });

  const amount = fc.oneof(
    fc.integer({ min: 1, max: 9 }).map(String),
    fc
      .bigInt({ min: 1n, max: 10n ** 30n - 1n })
      .map((units) => `${units % 1000n}.${units.toString().padStart(30, "0")}`),
    fc.constantFrom("1e-30", `${"9".repeat(40)}`, "0.3333333"),
  );
  // Few different values, so that trades share buckets, timestamps and identities.
  const step = fc.record({
    market: fc.nat({ max: 1 }),
    source: fc.constantFrom("kraken", "sdex"),
    ts: fc.constantFrom(-HOUR - 1n, -HOUR, -1n, 0n, 1n, MINUTE, HOUR - 1n, HOUR, HOUR + MINUTE),
    origin: fc.constantFrom(T, T, 0n),
    tradeId: fc.constantFrom("1", "2", "a", "B", "10", "é", "aa"),
    base: amount,
    quote: amount,
  });
  const statement = fc.record({
    rows: fc.array(step, { minLength: 1, maxLength: 12 }),
    how: fc.constantFrom("write", "write", "write", "undo"),
  });

  it("after any sequence of batches with rollbacks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 5 }), async (statements) => {
        const markets = [freshPair(), freshPair()];
        const expected = new Set<string>();
        for (const { rows, how } of statements) {
          const batch = rows.map(({ market, ts, origin, ...details }) =>
            trade(markets[market] ?? makePair("XLM", "USD"), origin + ts, details),
          );
          if (how === "write") {
            await writeTrades(database, batch);
            for (const row of batch) expected.add([row.base, row.ts, row.source, row.tradeId].join());
          } else {
            const unique = [
              ...new Map(batch.map((row) => [[row.base, row.ts, row.source, row.tradeId].join(), row])).values(),
            ];
            const fresh = unique.filter((row) => !expected.has([row.base, row.ts, row.source, row.tradeId].join()));
            const attempt = database.sql.begin(async (sql) => {
              await insertTrades(sql, fresh);
              throw new Undo();
            });
            await expect(attempt).rejects.toThrow(Undo);
          }
        }
        const [stored] = await database.sql<{ minutes: string; hours: string }[]>`
          SELECT (SELECT coalesce(sum(trade_count), 0)::text FROM trades_1m WHERE base_asset = ANY(${markets.map(({ base }) => base)})) AS minutes,
            (SELECT coalesce(sum(trade_count), 0)::text FROM trades_1h WHERE base_asset = ANY(${markets.map(({ base }) => base)})) AS hours`;
        expect(stored).toEqual({ minutes: `${expected.size}`, hours: `${expected.size}` });
        await expectRollupsExact(
          database,
          markets.map(({ base }) => base),
        );
      }),
      { numRuns: runsOf(25) },
    );
    await expectRollupsExact(database);
  });
});
