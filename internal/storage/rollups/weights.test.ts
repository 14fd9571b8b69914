import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { parseTime, seconds } from "../../canonical/time.ts";
import { createTestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { migrateDown, migrateUp } from "../schema/migrate.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { expectRollupsExact } from "./rollups.testing.ts";
import { verifyRollups } from "./verify.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const DAY = 24n * HOUR;
const ALL_TIME = { pair: null, from: parseTime("0001-01-01T00:00:00Z"), to: parseTime("9999-12-31T23:00:00Z") + HOUR };
const BEFORE = 5;

describe.each(enginesOf(testEngines))("migration 6 on $name", (engine) => {
  let created: Awaited<ReturnType<typeof createTestDatabase>>;
  let database: Database;
  beforeAll(async () => {
    created = await createTestDatabase(engine);
    database = await created.open();
    await up();
  });
  afterAll(async () => {
    await database.close();
    await created.drop();
  });

  const up = () =>
    migrateUp(database, {
      timescaledb: engine.timescaledb,
      retention: { trades: 0, trades_1m: 0, trades_1h: 0 },
      log: () => {},
    });
  const down = () => migrateDown(database, () => {}, BEFORE);
  const inMaintenance = (statement: string) =>
    database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      await sql.unsafe(statement);
    });

  /** Trades of several markets and sources over ten days; some form no price, and some have equal timestamps. */
  async function fill(): Promise<ReturnType<typeof freshPair>[]> {
    const pairs = [freshPair(), freshPair("native"), freshPair()];
    await writeTrades(
      database,
      Array.from({ length: 900 }, (_, n) =>
        trade(pairs[n % 3] ?? freshPair(), T + BigInt(Math.floor(n / 9)) * 2n * HOUR + BigInt(n % 4) * MINUTE, {
          source: ["kraken", "sdex"][n % 2] ?? "",
          tradeId: `${n}`,
          base: ["0.0000001", "3", "0.00011", "7", "1"][n % 5] ?? "",
          quote: `${1 + (n % 7)}.${n}`,
        }),
      ),
    );
    return pairs;
  }

  it("fills in existing rollups, and further trades add to them", async () => {
    const [pair = freshPair()] = await fill();
    await down();
    // These rows were written by the earlier trigger function.
    await writeTrades(database, [trade(pair, T + seconds(30), { tradeId: "late", base: "0.0000001" })]);
    await up();
    await expectRollupsExact(database);
    await writeTrades(database, [trade(pair, T + seconds(31), { tradeId: "later" })]);
    await expectRollupsExact(database);
  });

  it("restores the earlier rollups when it is undone", async () => {
    const rows = async () => {
      const all = await database.sql`
        SELECT 'm', base_asset, quote_asset, bucket::text AS at, source, trade_count, price_sum::text AS sum, close_trade_id
        FROM trades_1m UNION ALL
        SELECT 'h', base_asset, quote_asset, bucket::text, source, trade_count, price_sum::text, close_trade_id
        FROM trades_1h ORDER BY 1, 2, 3, 4, 5`;
      return [...all];
    };
    const before = await rows();
    await down();
    expect(await rows()).toEqual(before);
    const columns = await database.sql`
      SELECT count(*)::int AS n FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'trades_1h'`;
    expect(columns[0]).toEqual({ n: 17 });
    await up();
    await expectRollupsExact(database);
  });

  it("leaves sums unknown if retention has removed their trades, which verify accepts", async () => {
    const pairs = await fill();
    await down();
    const horizon = "2026-03-03 10:00:00+00";
    await database.sql`UPDATE retention_horizons SET complete_from = ${horizon}::timestamptz WHERE table_name = 'trades'`;
    await inMaintenance(`DELETE FROM trades WHERE ts < '${horizon}'`);
    await up();
    for (const table of ["trades_1m", "trades_1h"]) {
      const [row] = await database.sql`
        SELECT count(*) FILTER (WHERE bucket < ${horizon}::timestamptz)::int > 100 AS has_old,
          count(*) FILTER (WHERE bucket < ${horizon}::timestamptz AND num_nulls(
            quote_price_sum, quote_price_square_sum, imprecise_count, forming_open_ts) < 4)::int AS old_known,
          count(*) FILTER (WHERE bucket >= ${horizon}::timestamptz AND num_nulls(
            quote_price_sum, quote_price_square_sum, imprecise_count) > 0)::int AS new_unknown
        FROM ${database.sql(table)} WHERE base_asset = ANY(${pairs.map(({ base }) => base)}::text[])`;
      expect(row).toEqual({ has_old: true, old_known: 0, new_unknown: 0 });
    }
    expect(await verify(false)).toMatchObject({ differences: 0 });
    await inMaintenance("DELETE FROM trades");
    for (const table of ["trades_1m", "trades_1h"]) await inMaintenance(`DELETE FROM ${table}`);
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity' WHERE table_name = 'trades'`;
  });

  it("leaves no unknown sums of existing trades: verify finds them, and a repair fills them in", async () => {
    await fill();
    await inMaintenance("UPDATE trades_1h SET quote_price_sum = NULL, imprecise_count = NULL WHERE source = 'sdex'");
    const [hours] = await database.sql<{ n: number }[]>`SELECT count(*)::int AS n FROM trades_1h WHERE source = 'sdex'`;
    const figures: string[] = [];
    const verified = await verify(true, figures);
    expect(verified).toMatchObject({ differences: hours?.n, left: 0 });
    expect(new Set(figures)).toEqual(new Set(["quote_price_sum null", "imprecise_count null"]));
    await expectRollupsExact(database);
  });

  if (engine.name === "timescaledb")
    it("works on compressed chunks, and undoing and repeating it keeps the settings of new chunks", async () => {
      await fill();
      await down();
      await database.sql`SELECT compress_chunk(chunk) FROM show_chunks('trades') AS chunk`;
      await up();
      await expectRollupsExact(database);
      await writeTrades(database, [
        trade(freshPair(), T + 1000n * DAY, { tradeId: "1", base: "0.0000001" }),
        trade(freshPair(), T + 1000n * DAY, { tradeId: "1" }),
      ]);
      const pair = freshPair();
      for (const [index, base] of ["1", "0.0000001", "2"].entries()) {
        await writeTrades(database, [trade(pair, T + 1000n * DAY + BigInt(index), { tradeId: `${index}`, base })]);
      }
      await expectRollupsExact(database);
    });

  function verify(repair: boolean, figures: string[] = []) {
    return verifyRollups(database, ALL_TIME, {
      repair,
      signal: new AbortController().signal,
      onProgress: () => {},
      onDifference: (difference) =>
        void figures.push(...difference.figures.map(({ column, stored }) => `${column} ${stored}`)),
    });
  }
});
