import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { expectRollupsExact } from "./rollups.testing.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const DUST = "0.0000001";

describe.each(enginesOf(testEngines))("the columns about trades that form a price on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  // After each test every column must equal a recomputation from the trades.
  afterEach(() => expectRollupsExact(database));

  const precise = (pair: Pair, offset: bigint, tradeId: string, quote: string): TradeRow =>
    trade(pair, T + offset, { tradeId, quote });
  const dust = (pair: Pair, offset: bigint, tradeId: string, quote = "1"): TradeRow =>
    trade(pair, T + offset, { tradeId, base: DUST, quote });

  /** Returns for each hour the number of trades that form no price, the weighted sums, and the open, high, low and close. */
  async function formingOf({ base }: Pair) {
    const rows = await database.sql`
      SELECT imprecise_count::int AS imprecise, trim_scale(quote_price_sum)::text AS weighted,
        trim_scale(quote_price_square_sum)::text AS squares, concat_ws(
          ' ', forming_open_trade_id, forming_open_price, forming_low_price, forming_high_price, forming_close_trade_id,
          forming_close_price
        ) AS forming
      FROM trades_1h WHERE base_asset = ${base} ORDER BY bucket`;
    return [...rows];
  }

  it("are null if they would repeat other columns: if all trades or none form a price", async () => {
    const pair = freshPair();
    await writeTrades(database, [precise(pair, 0n, "1", "2"), precise(pair, 1n, "2", "3"), dust(pair, HOUR, "3")]);
    expect(await formingOf(pair)).toEqual([
      // 2·2 + 3·3 and 2·2² + 3·3².
      { imprecise: 0, weighted: "13", squares: "35", forming: "" },
      { imprecise: 1, weighted: "10000000", squares: "100000000000000", forming: "" },
    ]);
  });

  it.each([
    { why: "in one batch", batches: [[0, 1, 2, 3, 4]] },
    { why: "one by one", batches: [[0], [1], [2], [3], [4]] },
    { why: "in reverse order", batches: [[4], [3], [2], [1], [0]] },
    {
      why: "first what forms no price",
      batches: [
        [0, 4],
        [1, 2, 3],
      ],
    },
    {
      why: "last what forms no price",
      batches: [
        [1, 2, 3],
        [0, 4],
      ],
    },
    { why: "mixed with either", batches: [[0, 1], [2], [3, 4]] },
  ])("contain open and close of the trades that form a price, $why", async ({ batches }) => {
    const pair = freshPair();
    const rows = [
      dust(pair, 0n, "opens"),
      precise(pair, 1n, "1", "2"),
      precise(pair, MINUTE, "2", "5"),
      precise(pair, 2n * MINUTE, "3", "4"),
      dust(pair, 3n * MINUTE, "closes"),
    ];
    for (const batch of batches) {
      await writeTrades(
        database,
        batch.map((index) => rows[index] as TradeRow),
      );
    }
    expect(await formingOf(pair)).toMatchObject([{ imprecise: 2, forming: "1 2 2 5 3 4" }]);
  });

  it("contain the first and the last in the order of trades among equal timestamps", async () => {
    const pair = freshPair();
    const ids = ["9", "10", "B", "a", "é", "aa"];
    await writeTrades(database, [
      ...ids.map((id, index) => precise(pair, 0n, id, `${index + 1}`)),
      dust(pair, 0n, "0"),
      dust(pair, 0n, "zzz"),
    ]);
    expect(await formingOf(pair)).toMatchObject([{ imprecise: 2, forming: "9 1 1 6 aa 6" }]);
  });

  it("stay unknown in a row that is older than these columns", async () => {
    const pair = freshPair();
    await writeTrades(database, [precise(pair, 0n, "1", "2"), dust(pair, 1n, "2")]);
    await database.sql.begin(async (sql) => {
      for (const table of ["trades_1m", "trades_1h"]) {
        await sql.unsafe(`
          UPDATE ${table} SET quote_price_sum = NULL, quote_price_square_sum = NULL, imprecise_count = NULL,
            forming_open_ts = NULL, forming_open_trade_id = NULL, forming_open_price = NULL, forming_high_price = NULL,
            forming_low_price = NULL, forming_close_ts = NULL, forming_close_trade_id = NULL, forming_close_price = NULL
          WHERE base_asset = '${pair.base}'`);
      }
    });
    await writeTrades(database, [precise(pair, 2n, "3", "4")]);
    expect(await formingOf(pair)).toEqual([{ imprecise: null, weighted: null, squares: null, forming: "" }]);
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      await sql`DELETE FROM trades WHERE base_asset = ${pair.base}`;
      await sql`DELETE FROM trades_1m WHERE base_asset = ${pair.base}`;
      await sql`DELETE FROM trades_1h WHERE base_asset = ${pair.base}`;
    });
  });

  // Amounts on either side of the rule, on and off Stellar, and prices with all decimals.
  const amounts = fc.constantFrom(
    { base: "1", quote: "3" },
    { base: "3", quote: "1" },
    { base: "0.0002", quote: "0.0002" },
    { base: "0.0001999", quote: "0.0002" },
    { base: "0.00002", quote: "0.00002" },
    { base: "0.00001", quote: "5" },
    { base: DUST, quote: "7" },
    { base: "11", quote: DUST },
  );
  const row = fc.record({
    amounts,
    source: fc.constantFrom("kraken", "sdex"),
    ts: fc.constantFrom(-HOUR - 1n, -HOUR, -1n, 0n, 1n, 2n, MINUTE, 2n * MINUTE, HOUR - 1n, HOUR),
    tradeId: fc.constantFrom("1", "2", "a", "B", "10", "é"),
  });
  const batches = fc.array(fc.array(row, { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 6 });

  it("are correct after batches of any trades in any order, also concurrently on engines with sessions", async () => {
    await fc.assert(
      fc.asyncProperty(batches, fc.boolean(), async (all, atOnce) => {
        const pair = freshPair();
        const write = (rows: (typeof all)[number]) =>
          writeTrades(
            database,
            rows.map(({ amounts: given, source, ts, tradeId }) => trade(pair, T + ts, { source, tradeId, ...given })),
          );
        if (atOnce) await Promise.all(all.map(write));
        else for (const rows of all) await write(rows);
        await expectRollupsExact(database, [pair.base]);
      }),
      { numRuns: runsOf(60) },
    );
    await expectRollupsExact(database);
  });
});
