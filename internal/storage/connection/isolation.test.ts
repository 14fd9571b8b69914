import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseTime } from "../../canonical/time.ts";
import { prune } from "../retention/prune.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { deleteTrades } from "../trades/corrections.ts";
import { freshPair, insertTrades, trade } from "../trades/trades.testing.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "./database.testing.ts";
import { connect } from "./pool.ts";

const LEVELS = ["REPEATABLE READ", "SERIALIZABLE"] as const;

// The embedded engine has one session: its transactions never overlap.
describe.each(testEngines.filter(({ server }) => server !== null))("a decoder's isolation on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  afterEach(() => database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`);

  const pruneAll = (before: string) =>
    prune(database, "trades", parseTime(before), {
      signal: AbortSignal.timeout(60_000),
      onWait: () => {},
      onProgress: () => {},
    });

  it.each(LEVELS)(
    "%s: a transaction that overlaps a prune is refused, and so are its pruned trades on the retry",
    async (level) => {
      const pair = freshPair();
      const old = trade(pair, "2026-03-01T10:00:00Z");
      await insertTrades(database.sql, [old]);
      const decoder = await database.sql.reserve();
      try {
        await decoder.unsafe(`BEGIN ISOLATION LEVEL ${level}`);
        // The transaction has its snapshot, but no lock that prune waits for.
        await decoder`SELECT FROM pg_class LIMIT 1`;
        // All rows before the horizon are removed, also where whole chunks are dropped.
        expect((await pruneAll("2026-03-05T00:00:00Z")).count).toBe(1);
        await expect(insertTrades(decoder, [old], "new ones only")).rejects.toMatchObject({ code: "40001" });
        await decoder`ROLLBACK`;
        await decoder.unsafe(`BEGIN ISOLATION LEVEL ${level}`);
        await expect(insertTrades(decoder, [old], "new ones only")).rejects.toMatchObject({ code: "23514" });
      } finally {
        await decoder`ROLLBACK`;
        decoder.release();
      }
      const [hour] = await database.sql`SELECT trade_count::int AS n FROM trades_1h WHERE base_asset = ${pair.base}`;
      expect(hour).toEqual({ n: 1 });
      await database.sql`DELETE FROM trades_1h WHERE base_asset = ${pair.base}`;
      await database.sql`DELETE FROM trades_1m WHERE base_asset = ${pair.base}`;
    },
  );

  it.each(LEVELS)("%s: concurrent writers without a prune store their trades", async (level) => {
    // TimescaleDB lets one transaction at a time create a chunk, so the chunks are created first.
    await insertTrades(database.sql, [trade(freshPair(), "2026-03-01T09:00:00Z")]);
    const pairs = [freshPair(), freshPair(), freshPair()];
    const writers = await Promise.all(pairs.map(() => database.sql.reserve()));
    try {
      // All of them lock the horizon at the same time.
      for (const [index, writer] of writers.entries()) {
        await writer.unsafe(`BEGIN ISOLATION LEVEL ${level}`);
        await insertTrades(writer, [trade(pairs[index] ?? freshPair(), "2026-03-01T10:00:00Z")]);
      }
      for (const writer of writers) await writer`COMMIT`;
    } finally {
      for (const writer of writers) writer.release();
    }
    await expectRollupsExact(database);
  });

  it("corrections wait for each other under any default isolation level", async () => {
    const pair = freshPair();
    const hour = { from: parseTime("2026-03-01T10:00:00Z"), to: parseTime("2026-03-01T11:00:00Z") };
    const ids = ["1", "2", "3", "4", "5", "6"];
    await insertTrades(
      database.sql,
      ids.map((tradeId) => trade(pair, hour.from, { tradeId })),
    );
    const sql = connect(database.url, { max: 8, connection: { default_transaction_isolation: "repeatable read" } });
    try {
      const corrections = ids
        .slice(1)
        .map((id) => deleteTrades({ ...database, sql }, { pair, ...hour, tradeIds: [id] }));
      expect(await Promise.all(corrections)).toEqual([1, 1, 1, 1, 1]);
    } finally {
      await sql.end();
    }
    await expectRollupsExact(database);
  });
});
