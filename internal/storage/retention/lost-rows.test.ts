import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { HOUR } from "../../canonical/bucket.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Database } from "../connection/database.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { readOnly } from "../connection/read-only.ts";
import { openDatabase } from "../open-database.ts";
import { verifyRollups } from "../rollups/verify.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { readHorizons } from "./horizons.ts";
import { findLostRows } from "./lost-rows.ts";
import { moveHorizon } from "./move-horizon.ts";

const DAY = seconds(86_400);
const T = parseTime("2026-03-02T10:00:00Z");

describe.each(enginesOf(testEngines))("lost rows on $name", (engine) => {
  let database: TestDatabase;
  const pair = freshPair();

  const find = () => readOnly(database, async (sql) => findLostRows(sql, await readHorizons(sql)));
  /** Acts like a newly started process: a running one checks for dropped chunks once a minute. */
  const asNewProcess = async <T>(work: (fresh: Database) => Promise<T>): Promise<T> => {
    const fresh = await openDatabase({ url: database.url, max_connections: 1 });
    try {
      return await work(fresh);
    } finally {
      await fresh.close();
    }
  };
  const verify = (fresh: Database) =>
    verifyRollups(
      fresh,
      { pair: null, from: T - 10n * DAY, to: T + 100n * DAY },
      { repair: true, signal: new AbortController().signal, onDifference: () => {}, onProgress: () => {} },
    );
  const timeWeighted = (from: Database, at: Micros) =>
    withSnapshot(from, (reader) =>
      reader.timeWeighted([pair], { from: at, to: at + HOUR }, { sources: null, filter: null, carrySeconds: 0 }),
    );

  beforeAll(async () => {
    database = await openTestDatabase(engine);
    // There are days in between that never had a chunk.
    const days = [0n, 1n, 2n, 9n, 10n];
    await writeTrades(
      database,
      days.map((day) => trade(pair, T + day * DAY)),
    );
  });
  afterAll(() => database.drop());

  it("are not reported if no chunk was dropped", async () => {
    expect(await find()).toEqual([]);
  });

  if (engine.name !== "timescaledb") return;

  it("of trades are detected and refused, are not repaired, and can be declared removed by a horizon", async () => {
    expect(await timeWeighted(database, T + DAY)).toMatchObject({ tradeCount: 1 });
    await database.sql`SELECT drop_chunks('trades', older_than => ${"2026-03-04T00:00:00Z"}::timestamptz)`;
    const lost = { table: "trades", from: T, to: T + DAY + HOUR };
    expect(await find()).toEqual([lost]);
    await asNewProcess(async (fresh) => {
      await expect(timeWeighted(fresh, T + DAY)).rejects.toThrow(RawDataExpired);
      expect(await timeWeighted(fresh, T + 9n * DAY)).toMatchObject({ tradeCount: 1 });
      expect(await verify(fresh)).toMatchObject({ trades: 3, differences: 0, completeFrom: T + DAY + HOUR });
    });
    const [rollups] = await database.sql`SELECT count(*)::int AS hours FROM trades_1h`;
    expect(rollups).toEqual({ hours: 5 });
    await moveHorizon(database, "trades", lost.to, { signal: new AbortController().signal, onWait: () => {} });
    expect(await find()).toEqual([]);
  });

  it("of rollups are detected and recomputed from the trades", async () => {
    await database.sql`SELECT drop_chunks('trades_1m', newer_than => ${"2026-03-11T00:00:00Z"}::timestamptz)`;
    const [lost] = await find();
    expect(lost).toMatchObject({ table: "trades_1m" });
    expect(await asNewProcess(verify)).toMatchObject({ left: 0 });
    expect(await find()).toEqual([]);
  });
});
