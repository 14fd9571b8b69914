import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import type { Sql } from "../connection/pool.ts";
import { openDatabase } from "../open-database.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { deleteTrades, deleteTradesByHour, type TradeSelection } from "./corrections.ts";
import { freshPair, insertTrades, sessionOf, trade, untilBlockedBy } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const T = parseTime("2026-03-01T10:00:00Z");

/** Returns the sources and ids of a pair's remaining trades, in the order of trades. */
async function leftOf(sql: Sql, pair: Pair): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    SELECT source || ' ' || trade_id AS line FROM trades
    WHERE base_asset = ${pair.base} AND quote_asset = ${pair.quote}
    ORDER BY ts, source, length(trade_id), trade_id`;
  return rows.map(({ line }) => line);
}

async function rollupCounts(sql: Sql, pair: Pair) {
  const [row] = await sql<{ minutes: number; hours: number; trades: number }[]>`
    SELECT (SELECT count(*)::int FROM trades_1m WHERE base_asset = ${pair.base}) AS minutes,
      (SELECT count(*)::int FROM trades_1h WHERE base_asset = ${pair.base}) AS hours,
      (SELECT coalesce(sum(trade_count), 0)::int FROM trades_1h WHERE base_asset = ${pair.base}) AS trades`;
  return row;
}

describe.each(enginesOf(testEngines))("corrections on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  afterEach(() => expectRollupsExact(database));

  it("delete exactly the trades of [from, to)", async () => {
    const pair = freshPair();
    const [other, otherQuote] = [freshPair(), { base: pair.base, quote: freshPair().base }];
    await writeTrades(database, [
      trade(pair, T + MINUTE - 1n, { tradeId: "before" }),
      trade(pair, T + MINUTE, { tradeId: "from" }),
      trade(pair, T + 90_000_000n, { tradeId: "within", source: "sdex" }),
      trade(pair, T + 2n * MINUTE - 1n, { tradeId: "last", quote: "7" }),
      trade(pair, T + 2n * MINUTE, { tradeId: "to" }),
      trade(other, T + MINUTE),
      trade(otherQuote, T + MINUTE),
    ]);
    expect(await deleteTrades(database, { pair, from: T + MINUTE, to: T + 2n * MINUTE })).toBe(3);
    expect(await leftOf(database.sql, pair)).toEqual(["kraken before", "kraken to"]);
    expect(await leftOf(database.sql, other)).toEqual(["kraken 1"]);
    expect(await leftOf(database.sql, otherQuote)).toEqual(["kraken 1"]);
  });

  it("work over several hours, and delete all rows of the middle ones", async () => {
    const pair = freshPair();
    const rows = Array.from({ length: 24 }, (_, index) =>
      trade(pair, T + BigInt(index) * 10n * MINUTE, { tradeId: `${index}`, quote: `${index + 1}` }),
    );
    await writeTrades(database, rows);
    expect(await deleteTrades(database, { pair, from: T + 30n * MINUTE, to: T + 3n * HOUR + 30n * MINUTE })).toBe(18);
    expect(await rollupCounts(database.sql, pair)).toEqual({ minutes: 6, hours: 2, trades: 6 });
  });

  it("delete the rollup row of a bucket that becomes empty", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T), trade(pair, T + MINUTE), trade(pair, T + HOUR)]);
    expect(await deleteTrades(database, { pair, from: T, to: T + HOUR })).toBe(2);
    expect(await rollupCounts(database.sql, pair)).toEqual({ minutes: 1, hours: 1, trades: 1 });
    expect(await deleteTrades(database, { pair, from: T, to: T + 2n * HOUR })).toBe(1);
    expect(await rollupCounts(database.sql, pair)).toEqual({ minutes: 0, hours: 0, trades: 0 });
  });

  it("over thousands of years take time in proportion to their trades only", async () => {
    const pair = freshPair();
    const [first, last] = [parseTime("2001-03-04T05:06:07Z"), parseTime("2099-12-31T23:59:59.999999Z")];
    await writeTrades(database, [
      ...[first, first + 1n, T + HOUR - 1n, T + HOUR, last].map((ts) => trade(pair, ts)),
      trade(pair, T, { source: "sdex" }),
      trade(pair, last + 1n),
    ]);
    const ages = { pair, from: parseTime("0001-01-01T00:00:00Z"), to: last + 1n };
    expect(await deleteTradesByHour(database, { ...ages, source: "kraken", from: first + 1n })).toBe(4);
    expect(await leftOf(database.sql, pair)).toEqual(["kraken 1", "sdex 1", "kraken 1"]);
    expect(await deleteTradesByHour(database, ages)).toBe(2);
    expect(await deleteTradesByHour(database, ages)).toBe(0);
    expect(await leftOf(database.sql, pair)).toEqual(["kraken 1"]);
  });

  it("select by source and by ids", async () => {
    const pair = freshPair();
    const rows = ["kraken", "sdex"].flatMap((source) =>
      ["1", "2", "3"].map((tradeId, index) => trade(pair, T + BigInt(index), { source, tradeId })),
    );
    await writeTrades(database, rows);
    const all = { pair, from: T, to: T + MINUTE };
    expect(await deleteTrades(database, { ...all, source: "kraken", tradeIds: ["2", "3", "4"] })).toBe(2);
    expect(await leftOf(database.sql, pair)).toEqual(["kraken 1", "sdex 1", "sdex 2", "sdex 3"]);
    expect(await deleteTrades(database, { ...all, tradeIds: ["1"] })).toBe(2);
    expect(await deleteTrades(database, { ...all, source: "sdex" })).toBe(2);
    expect(await leftOf(database.sql, pair)).toEqual([]);
  });

  it("change nothing if they select nothing", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T), trade(pair, T + HOUR, { source: "sdex" })]);
    const stored = () => database.sql`SELECT trades_1m::text FROM trades_1m WHERE base_asset = ${pair.base} ORDER BY 1`;
    const before = await stored();
    const selections: Partial<TradeSelection>[] = [
      { to: T },
      { from: T + 1n, to: T + HOUR },
      { source: "nobody" },
      { tradeIds: [] },
      { tradeIds: ["2"] },
      { source: "kraken", from: T + 1n },
      { pair: freshPair() },
    ];
    for (const selection of selections) {
      expect(await deleteTrades(database, { pair, from: T, to: T + 2n * HOUR, ...selection })).toBe(0);
    }
    expect(before).toHaveLength(2);
    expect(await stored()).toEqual(before);
  });

  it("allow writing a trade again with the right amounts", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T, { quote: "100" }), trade(pair, T + 1n)]);
    await deleteTrades(database, { pair, from: T, to: T + 1n });
    expect(await writeTrades(database, [trade(pair, T, { quote: "1.00" })])).toMatchObject({ inserted: 1 });
    const [row] =
      await database.sql`SELECT trim_scale(quote_volume)::text AS volume FROM trades_1h WHERE base_asset = ${pair.base}`;
    expect(row).toEqual({ volume: "2" });
  });

  it("reset the maintenance flag", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T)]);
    await deleteTrades(database, { pair, from: T, to: T + 1n });
    await expect(database.sql`DELETE FROM trades WHERE base_asset = ${pair.base}`).rejects.toThrow(/append-only/);
  });

  it("are refused in an hour that retention has partly removed", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T), trade(pair, T + HOUR)]);
    await database.sql`UPDATE retention_horizons SET complete_from = '2026-03-01 10:00:01+00' WHERE table_name = 'trades'`;
    try {
      // The selected trade exists, but others of its hour may have been removed.
      const refused = deleteTrades(database, { pair, from: T + MINUTE, to: T + HOUR });
      await expect(refused).rejects.toThrow(RawDataExpired);
      await expect(refused).rejects.toThrow(/needs trades from 2026-03-01T10:00:00Z.*before 2026-03-01T10:00:01Z/);
      expect(await deleteTrades(database, { pair, from: T + HOUR, to: T + 2n * HOUR })).toBe(1);
    } finally {
      await database.sql`UPDATE retention_horizons SET complete_from = '-infinity' WHERE table_name = 'trades'`;
    }
    expect(await leftOf(database.sql, pair)).toEqual(["kraken 1"]);
  });

  const anyTrade = fc.record({
    ts: fc.constantFrom(-1n, 0n, 1n, MINUTE, HOUR - 1n, HOUR, HOUR + 1n),
    source: fc.constantFrom("kraken", "sdex"),
    tradeId: fc.constantFrom("1", "2", "B", "a", "10"),
    quote: fc.constantFrom("1", "2.5", "0.1"),
  });
  const anySelection = fc.record({
    from: fc.constantFrom(-HOUR, 0n, 1n, MINUTE, HOUR),
    width: fc.constantFrom(1n, MINUTE, HOUR, 3n * HOUR),
    source: fc.constantFrom(undefined, "kraken"),
    tradeIds: fc.constantFrom<string[] | undefined>(undefined, ["1", "a"]),
  });

  it("mixed with any other writes keep all other trades, and exact rollups", async () => {
    const steps = fc.array(fc.tuple(fc.array(anyTrade, { maxLength: 10 }), anySelection), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const pair = freshPair();
        let kept: TradeRow[] = [];
        const isKnown = (row: TradeRow) =>
          kept.some(({ ts, source, tradeId }) => ts === row.ts && source === row.source && tradeId === row.tradeId);
        for (const [trades, { from, width, source, tradeIds }] of all) {
          const rows = trades.map(({ ts, ...details }) => trade(pair, T + ts, details));
          await writeTrades(database, rows);
          for (const row of rows) if (!isKnown(row)) kept.push(row);
          const isChosen = (row: TradeRow) =>
            row.ts >= T + from &&
            row.ts < T + from + width &&
            (source === undefined || row.source === source) &&
            (tradeIds === undefined || tradeIds.includes(row.tradeId));
          const deleted = await deleteTrades(database, {
            pair,
            from: T + from,
            to: T + from + width,
            source,
            tradeIds,
          });
          expect(deleted).toBe(kept.filter(isChosen).length);
          kept = kept.filter((row) => !isChosen(row));
        }
        expect(await leftOf(database.sql, pair)).toHaveLength(kept.length);
        await expectRollupsExact(database, [pair.base]);
      }),
      { numRuns: 20 },
    );
    await expectRollupsExact(database);
  });

  if (engine.server !== null)
    describe("with concurrent sessions (server engines)", () => {
      /** Opens a transaction on a separate session. */
      async function begin() {
        const sql = await database.sql.reserve();
        await sql`BEGIN`;
        const end = async (how: "COMMIT" | "ROLLBACK") => {
          await sql.unsafe(how);
          sql.release();
        };
        return { sql, pid: await sessionOf(sql), commit: () => end("COMMIT"), rollback: () => end("ROLLBACK") };
      }

      it.each(["commit", "rollback"] as const)(
        "wait for an inserter into the same bucket that then does a %s",
        async (ending) => {
          const pair = freshPair();
          await writeTrades(database, [trade(pair, T, { tradeId: "old" }), trade(pair, T + 9n, { tradeId: "stays" })]);
          const inserter = await begin();
          await insertTrades(inserter.sql, [
            trade(pair, T + 1n, { tradeId: "beyond", quote: "5" }),
            trade(pair, T, { tradeId: "new", quote: "3" }),
          ]);
          const correction = deleteTrades(database, { pair, from: T, to: T + 1n });
          await untilBlockedBy(database.sql, inserter.pid);
          await inserter[ending]();
          // A trade that was committed before the correction started is selected like any other.
          expect(await correction).toBe(ending === "commit" ? 2 : 1);
          expect(await leftOf(database.sql, pair)).toEqual(
            ending === "commit" ? ["kraken beyond", "kraken stays"] : ["kraken stays"],
          );
        },
      );

      it.each([
        ["a new minute of the hour", T + MINUTE],
        ["a new hour", T + HOUR],
      ])("count the trades of an inserter into %s", async (_, ts) => {
        const pair = freshPair();
        await writeTrades(database, [trade(pair, T, { tradeId: "old" }), trade(pair, T + 1n, { tradeId: "stays" })]);
        const inserter = await begin();
        await insertTrades(inserter.sql, [trade(pair, ts, { tradeId: "new" })]);
        const correction = deleteTrades(database, { pair, from: T, to: T + 2n * HOUR, tradeIds: ["old"] });
        if (ts === T + MINUTE) await untilBlockedBy(database.sql, inserter.pid);
        // The correction does not touch that hour and has nothing to wait for.
        else expect(await correction).toBe(1);
        await inserter.commit();
        expect(await correction).toBe(1);
        expect(await leftOf(database.sql, pair)).toEqual(["kraken stays", "kraken new"]);
      });

      it.each([
        ["some of its bucket stays", ["old"]],
        ["its bucket is emptied", undefined],
      ])("make an inserter wait that starts during the correction: %s", async (_, tradeIds) => {
        const pair = freshPair();
        await writeTrades(database, [trade(pair, T, { tradeId: "old" }), trade(pair, T + 1n, { tradeId: "later" })]);
        // Locks a trade that the correction will delete, so that the correction stops with all its locks held.
        const holder = await begin();
        await holder.sql`SELECT FROM trades WHERE base_asset = ${pair.base} AND trade_id = 'old' FOR UPDATE`;
        const correction = deleteTrades(database, { pair, from: T, to: T + MINUTE, tradeIds });
        const [correcting = 0] = await untilBlockedBy(database.sql, holder.pid);
        const insert = insertTrades(database.sql, [
          trade(pair, T + 2n, { tradeId: "new", quote: "2" }),
          trade(pair, T + MINUTE, { tradeId: "new", quote: "4" }),
        ]);
        const inserted = insert.then(({ count }) => count);
        await untilBlockedBy(database.sql, correcting);
        await holder.commit();
        expect(await correction).toBe(tradeIds === undefined ? 2 : 1);
        expect(await inserted).toBe(2);
        const stays = tradeIds === undefined ? [] : ["kraken later"];
        expect(await leftOf(database.sql, pair)).toEqual([...stays, "kraken new", "kraken new"]);
      });

      it("are retried after a deadlock with a writer in reverse order", async () => {
        const pair = freshPair();
        const sources = ["bitstamp", "kraken"] as const;
        await writeTrades(
          database,
          sources.map((source) => trade(pair, T, { source, tradeId: "old" })),
        );
        const writer = await begin();
        await writer.sql`SET LOCAL deadlock_timeout = '1h'`;
        await insertTrades(writer.sql, [trade(pair, T, { source: "kraken", tradeId: "new" })]);
        const correction = deleteTradesByHour(database, { pair, from: T, to: T + 1n, tradeIds: ["old"] });
        await untilBlockedBy(database.sql, writer.pid);
        // The writer and the correction wait for each other; only the correction detects the deadlock.
        await insertTrades(writer.sql, [trade(pair, T, { source: "bitstamp", tradeId: "new" })]);
        await writer.commit();
        expect(await correction).toBe(2);
        expect(await leftOf(database.sql, pair)).toEqual(["bitstamp new", "kraken new"]);
      });

      it("find their hours under any time zone and date style of the URL", async () => {
        const pair = freshPair();
        await writeTrades(database, [trade(pair, T), trade(pair, T + HOUR)]);
        const url = new URL(database.url);
        // The server interprets IST, which such a session would write, as a different zone.
        url.searchParams.set("TimeZone", "Asia/Kolkata");
        url.searchParams.set("DateStyle", "SQL, DMY");
        const opened = await openDatabase({ url: url.href, max_connections: 1 });
        try {
          expect(await deleteTrades(opened, { pair, from: T, to: T + HOUR })).toBe(1);
        } finally {
          await opened.close();
        }
      });

      it("run one after another, also in the same bucket", async () => {
        const pair = freshPair();
        await writeTrades(
          database,
          ["a", "b", "c"].map((tradeId, index) => trade(pair, T + BigInt(index), { tradeId })),
        );
        const holder = await begin();
        await holder.sql`SELECT FROM trades WHERE base_asset = ${pair.base} AND trade_id = 'a' FOR UPDATE`;
        const first = deleteTrades(database, { pair, from: T, to: T + MINUTE, tradeIds: ["a"] });
        const [correcting = 0] = await untilBlockedBy(database.sql, holder.pid);
        const second = deleteTrades(database, { pair, from: T, to: T + MINUTE, tradeIds: ["b"] });
        await untilBlockedBy(database.sql, correcting);
        await holder.commit();
        expect(await Promise.all([first, second])).toEqual([1, 1]);
        expect(await leftOf(database.sql, pair)).toEqual(["kraken c"]);
      });
    });

  if (engine.name === "timescaledb")
    describe("in compressed chunks (TimescaleDB)", () => {
      /** Writes a market with one trade per minute on two sources, in a compressed day. */
      async function compressedMarket(): Promise<Pair> {
        const pair = freshPair();
        await writeTrades(
          database,
          ["kraken", "sdex"].flatMap((source) =>
            Array.from({ length: 120 }, (_, index) =>
              trade(pair, T + BigInt(index) * MINUTE, { source, tradeId: `${index}`, quote: `${index + 1}` }),
            ),
          ),
        );
        await compress();
        return pair;
      }

      async function compress(): Promise<void> {
        const chunks = await database.sql<{ chunk: string }[]>`
      SELECT compress_chunk(chunk, if_not_compressed => true)::text AS chunk FROM show_chunks('trades') AS chunk`;
        expect(chunks.length).toBeGreaterThan(0);
        for (const { chunk } of chunks) {
          // Names of chunks are quoted where necessary.
          const [left] = await database.sql.unsafe(`SELECT count(*)::int AS rows FROM ONLY ${chunk}`);
          expect(left).toEqual({ rows: 0 });
        }
      }

      it("late trades are stored, and duplicates are recognized", async () => {
        const pair = await compressedMarket();
        const late = trade(pair, T + 1n, { tradeId: "late" });
        const known = trade(pair, T + MINUTE, { tradeId: "1", quote: "2.0" });
        const conflicting = trade(pair, T + MINUTE, { tradeId: "1", quote: "3", source: "sdex" });
        expect(await writeTrades(database, [late, known, conflicting])).toEqual({
          inserted: 1,
          known: 2,
          conflicting: [conflicting],
        });
        await expect(insertTrades(database.sql, [known])).rejects.toMatchObject({ code: "23505" });
        await compress();
        expect(await writeTrades(database, [late])).toEqual({ inserted: 0, known: 1, conflicting: [] });
        expect(await rollupCounts(database.sql, pair)).toEqual({ minutes: 240, hours: 4, trades: 241 });
      });

      it("they delete single trades, one source, or everything", async () => {
        const pair = await compressedMarket();
        const all = { pair, from: T, to: T + 2n * HOUR };
        expect(await deleteTrades(database, { ...all, tradeIds: ["5", "65", "none"] })).toBe(4);
        await expectRollupsExact(database);
        await compress();
        expect(await deleteTrades(database, { ...all, from: T + HOUR })).toBe(118);
        await expectRollupsExact(database);
        await compress();
        expect(await deleteTrades(database, { ...all, source: "sdex" })).toBe(59);
        expect(await rollupCounts(database.sql, pair)).toEqual({ minutes: 59, hours: 1, trades: 59 });
        await compress();
        expect(await deleteTrades(database, all)).toBe(59);
        expect(await rollupCounts(database.sql, pair)).toEqual({ minutes: 0, hours: 0, trades: 0 });
      });

      it("they are the only way to change a trade", async () => {
        const pair = await compressedMarket();
        await expect(database.sql`DELETE FROM trades WHERE base_asset = ${pair.base}`).rejects.toThrow(/append-only/);
        await expect(database.sql`UPDATE trades SET base_amount = 2 WHERE base_asset = ${pair.base}`).rejects.toThrow(
          /append-only/,
        );
        expect(await leftOf(database.sql, pair)).toHaveLength(240);
      });
    });
});
