import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import type { Pair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { freshPair, sessionOf, trade, untilBlockedBy } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { readHorizons } from "./horizons.ts";
import { countPrunable, type PrunedTable, type PruneOptions, prune } from "./prune.ts";

const DAY = 24n * HOUR;
const T = parseTime("2026-03-01T00:00:00Z");

describe.each(enginesOf(testEngines))("pruning on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  afterEach(async () => {
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      for (const table of ["trades", "trades_1m", "trades_1h"]) await sql`DELETE FROM ${sql(table)}`;
    });
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
  });

  const isChunked = engine.name === "timescaledb";
  const unit = isChunked ? "chunks" : "rows";
  const run = (table: PrunedTable, before: Micros, options: Partial<PruneOptions> = {}) =>
    prune(database, table, before, {
      signal: new AbortController().signal,
      onWait: () => {},
      onProgress: () => {},
      ...options,
    });
  const horizons = async () => Object.fromEntries(await readHorizons(database.sql));

  async function rowsOf(table: PrunedTable): Promise<number | undefined> {
    const [row] = await database.sql<{ rows: number }[]>`SELECT count(*)::int AS rows FROM ${database.sql(table)}`;
    return row?.rows;
  }

  const timeWeighted = (pair: Pair, from: Micros, to = T + 100n * DAY) =>
    withSnapshot(database, (reader) =>
      reader.timeWeighted([pair], { from, to }, { sources: null, filter: null, carrySeconds: 0 }),
    );
  const totals = (pair: Pair, from: Micros, to = T + 100n * DAY) =>
    withSnapshot(database, (reader) => reader.totals([pair], { from, to }));

  /** Writes a trade at noon on each of ten days, for two pairs. */
  async function tenDays(): Promise<Pair> {
    const pairs = [freshPair(), freshPair()] as const;
    await writeTrades(
      database,
      pairs.flatMap((pair) => Array.from({ length: 10 }, (_, day) => trade(pair, T + BigInt(day) * DAY + 12n * HOUR))),
    );
    return pairs[0];
  }

  it("removes raw trades and keeps rollups, which still answer queries", async () => {
    const pair = await tenDays();
    const prunable = await countPrunable(database, "trades", T + 3n * DAY + MINUTE);
    expect(prunable).toEqual({ unit, count: isChunked ? 3 : 6, completeFrom: T + 3n * DAY });
    expect(await rowsOf("trades")).toBe(20);
    const done: number[] = [];
    expect(await run("trades", T + 3n * DAY, { onProgress: (part) => void done.push(part) })).toEqual({
      unit,
      count: isChunked ? 3 : 6,
      completeFrom: T + 3n * DAY,
      isInterrupted: false,
    });
    expect(done.at(-1)).toBe(1);
    expect(await rowsOf("trades")).toBe(14);
    expect(await horizons()).toEqual({ trades: T + 3n * DAY });
    expect([await rowsOf("trades_1m"), await rowsOf("trades_1h")]).toEqual([20, 20]);
    expect(await totals(pair, T)).toMatchObject([{ tradeCount: 10 }]);
    expect(await countPrunable(database, "trades", T)).toEqual({ unit, count: 0, completeFrom: T + 3n * DAY });
  });

  it("lets queries succeed from the horizon on, and fail a microsecond before", async () => {
    const pair = await tenDays();
    await run("trades", T + 3n * DAY);
    expect(await timeWeighted(pair, T + 3n * DAY)).toMatchObject({ tradeCount: 7 });
    await expect(timeWeighted(pair, T + 3n * DAY - 1n)).rejects.toThrow(RawDataExpired);
    await expect(timeWeighted(pair, T + 3n * DAY - 1n)).rejects.toThrow(
      "rows before 2026-03-04T00:00:00Z have been removed",
    );
    const late = writeTrades(database, [trade(pair, T + 3n * DAY - 1n)]);
    await expect(late).rejects.toMatchObject({ code: "23514", message: expect.stringContaining("have been pruned") });
    expect(await writeTrades(database, [trade(pair, T + 3n * DAY)])).toMatchObject({ inserted: 1 });
  });

  it("of minutes or hours makes only queries that need them fail", async () => {
    const pair = await tenDays();
    await run("trades_1m", T + 7n * DAY);
    expect(await horizons()).toEqual({ trades_1m: T + 7n * DAY });
    // TimescaleDB keeps a week of minutes per chunk, and the last one is still needed.
    if (!isChunked) expect(await rowsOf("trades_1m")).toBe(6);
    expect([await rowsOf("trades"), await rowsOf("trades_1h")]).toEqual([20, 20]);
    expect(await totals(pair, T)).toMatchObject([{ tradeCount: 10 }]);
    expect(await totals(pair, T + 7n * DAY + MINUTE)).toMatchObject([{ tradeCount: 3 }]);
    await expect(totals(pair, T + MINUTE)).rejects.toThrow(/needs trades_1m from/);
    await run("trades_1h", T + 8n * DAY);
    await expect(totals(pair, T)).rejects.toThrow(/needs trades_1h from/);
    expect(await totals(pair, T + 8n * DAY)).toMatchObject([{ tradeCount: 2 }]);
    expect(await rowsOf("trades")).toBe(20);
  });

  it("cuts at whole hours, and never moves back", async () => {
    await tenDays();
    const noon = T + 12n * HOUR;
    expect(await run("trades", noon + 59n * MINUTE)).toMatchObject({ completeFrom: noon, count: 0 });
    expect(await run("trades", noon + HOUR)).toMatchObject({ completeFrom: noon + HOUR, count: isChunked ? 0 : 2 });
    expect(await run("trades", T)).toMatchObject({ completeFrom: noon + HOUR, count: 0 });
    expect(await horizons()).toEqual({ trades: noon + HOUR });
  });

  it("of an empty table also moves the horizon", async () => {
    expect(await run("trades_1h", T)).toEqual({ unit, count: 0, completeFrom: T, isInterrupted: false });
    expect(await horizons()).toEqual({ trades_1h: T });
  });

  it("leaves rollups that are correct from their horizon on if late trades arrive between the horizons", async () => {
    const pair = await tenDays();
    await run("trades_1m", T + 5n * DAY);
    await writeTrades(database, [trade(pair, T + 2n * DAY + 12n * HOUR, { tradeId: "late" })]);
    expect(await totals(pair, T)).toMatchObject([{ tradeCount: 11 }]);
    await expect(totals(pair, T + 2n * DAY + MINUTE)).rejects.toThrow(RawDataExpired);
    await run("trades_1m", T + 6n * DAY);
    expect(await totals(pair, T + 6n * DAY + MINUTE)).toMatchObject([{ tradeCount: 4 }]);
  });

  it("resets the maintenance flag", async () => {
    await tenDays();
    await run("trades", T + 3n * DAY);
    await expect(database.sql`DELETE FROM trades`).rejects.toThrow(/append-only/);
  });

  if (!isChunked)
    describe("row by row", () => {
      /** Enough trades for several steps, most of them with the same timestamp. */
      async function crowd(pair: Pair, count: number): Promise<void> {
        await database.sql`
          INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
          SELECT ${pair.base}, ${pair.quote}, ${formatTime(T)}::timestamptz + greatest(0, n - 6000) * interval '1 second',
            'kraken', n::text, 1, 1
          FROM generate_series(1, ${String(count)}::text::int) AS n`;
      }

      it("can be interrupted between two steps and resumed", async () => {
        const [pair, other] = [freshPair(), freshPair()];
        await crowd(pair, 12_000);
        await writeTrades(database, [trade(other, T), trade(other, T + DAY)]);
        const controller = new AbortController();
        const first = await run("trades", T + DAY, {
          signal: controller.signal,
          onProgress: () => controller.abort(),
        });
        expect(first).toEqual({ unit: "rows", count: 5000, completeFrom: T + DAY, isInterrupted: true });
        expect(await rowsOf("trades")).toBe(7002);
        // Queries do not use the remaining rows.
        await expect(timeWeighted(pair, T)).rejects.toThrow(RawDataExpired);
        const done: number[] = [];
        const second = await run("trades", T + DAY, { onProgress: (part) => void done.push(part) });
        expect(second).toEqual({ unit: "rows", count: 7001, completeFrom: T + DAY, isInterrupted: false });
        expect(done).toEqual([...done].sort((a, b) => a - b));
        expect(done.at(-1)).toBe(1);
        expect(await rowsOf("trades")).toBe(1);
      });

      it("does not block writers", async () => {
        const pair = freshPair();
        await crowd(pair, 11_000);
        let written = 0;
        let writing: Promise<unknown> = Promise.resolve();
        await run("trades", T + DAY, {
          onProgress: () => {
            const id = String(written++);
            writing = Promise.all([writing, writeTrades(database, [trade(pair, T + DAY, { tradeId: id })])]);
          },
        });
        await writing;
        expect(written).toBeGreaterThanOrEqual(3);
        expect(await rowsOf("trades")).toBe(written);
        expect(await timeWeighted(pair, T + DAY)).toMatchObject({ tradeCount: written });
        await database.sql`DELETE FROM trades_1h WHERE bucket < ${formatTime(T + DAY)}::timestamptz`;
        await database.sql`DELETE FROM trades_1m WHERE bucket < ${formatTime(T + DAY)}::timestamptz`;
        await expectRollupsExact(database);
      });
    });

  if (isChunked)
    describe("chunk by chunk (TimescaleDB)", () => {
      it("drops compressed chunks, and keeps one across the horizon, whose older rows are not used", async () => {
        const pair = await tenDays();
        await database.sql`SELECT compress_chunk(chunk) FROM show_chunks('trades', older_than => ${formatTime(T + 5n * DAY)}::timestamptz) AS chunk`;
        const before = T + 3n * DAY + 13n * HOUR;
        expect(await run("trades", before)).toMatchObject({ count: 3, completeFrom: before });
        expect(await rowsOf("trades")).toBe(14);
        await expect(timeWeighted(pair, T + 3n * DAY + 12n * HOUR)).rejects.toThrow(RawDataExpired);
        expect(await timeWeighted(pair, before)).toMatchObject({ tradeCount: 6 });
        expect(await run("trades", T + 4n * DAY)).toMatchObject({ count: 1 });
        expect(await rowsOf("trades")).toBe(12);
      });

      it("can be interrupted between two chunks and resumed", async () => {
        await tenDays();
        const controller = new AbortController();
        const onProgress = () => controller.abort();
        expect(await run("trades", T + 5n * DAY, { signal: controller.signal, onProgress })).toEqual({
          unit: "chunks",
          count: 1,
          completeFrom: T + 5n * DAY,
          isInterrupted: true,
        });
        expect(await run("trades", T + 5n * DAY)).toMatchObject({ count: 4, isInterrupted: false });
      });

      it("by the job gives up if it would block others", async () => {
        const config = JSON.stringify({ table: "trades", keep_seconds: 86_400 });
        await withSnapshot(database, async () => {
          const expire = database.sql`CALL stellarindex_expire(0, ${config}::text::jsonb)`;
          await expect(expire).rejects.toMatchObject({ code: "55P03" });
        });
        expect(await horizons()).toEqual({});
      });

      it("works together with the job that applies the configuration", async () => {
        await tenDays();
        await run("trades", T + 2n * DAY);
        const config = JSON.stringify({ table: "trades", keep_seconds: 100 * 366 * 86_400 });
        await database.sql`CALL stellarindex_expire(0, ${config}::text::jsonb)`;
        expect(await horizons()).toEqual({ trades: T + 2n * DAY });
        expect(await rowsOf("trades")).toBe(16);
      });
    });

  if (engine.server !== null)
    describe("beside readers and writers (server engines)", () => {
      it("waits for a query in progress, which still finds its rows", async () => {
        const pair = await tenDays();
        let waits = 0;
        const order: string[] = [];
        let pruned: ReturnType<typeof run> | undefined;
        const answer = await withSnapshot(database, async (reader) => {
          pruned = new Promise((resolve, reject) => {
            run("trades", T + 9n * DAY, {
              onWait: () => {
                waits++;
                resolveWait();
              },
            })
              .finally(() => order.push("pruned"))
              .then(resolve, reject);
          });
          let resolveWait = (): void => {};
          await new Promise<void>((resolve) => {
            resolveWait = resolve;
          });
          const sums = await reader.timeWeighted(
            [pair],
            { from: T, to: T + 100n * DAY },
            { sources: null, filter: null, carrySeconds: 0 },
          );
          order.push("answered");
          return sums;
        });
        expect(answer).toMatchObject({ tradeCount: 10 });
        expect(await pruned).toMatchObject({ completeFrom: T + 9n * DAY, isInterrupted: false });
        expect({ waits, order }).toEqual({ waits: 1, order: ["answered", "pruned"] });
        await expect(timeWeighted(pair, T)).rejects.toThrow(RawDataExpired);
      });

      it("makes a query that starts while the horizon moves see the new horizon", async () => {
        const pair = await tenDays();
        const mover = await database.sql.reserve();
        await mover`BEGIN`;
        await mover`LOCK TABLE retention_horizons IN ACCESS EXCLUSIVE MODE`;
        const asked = timeWeighted(pair, T);
        const refused = expect(asked).rejects.toThrow(RawDataExpired);
        await untilBlockedBy(database.sql, await sessionOf(mover));
        await mover`UPDATE retention_horizons SET complete_from = ${formatTime(T + DAY)}::timestamptz WHERE table_name = 'trades'`;
        await mover`COMMIT`;
        mover.release();
        await refused;
      });

      it("can be interrupted while it waits, without having changed anything", async () => {
        const pair = await tenDays();
        const controller = new AbortController();
        const pruned = await withSnapshot(database, async () =>
          run("trades", T + 9n * DAY, { signal: controller.signal, onWait: () => controller.abort() }),
        );
        expect(pruned).toEqual({ unit, count: 0, completeFrom: null, isInterrupted: true });
        expect(await horizons()).toEqual({});
        expect(await timeWeighted(pair, T)).toMatchObject({ tradeCount: 10 });
      });

      it("waits for a writer, whose trades are then removed or kept like all others", async () => {
        const pair = await tenDays();
        const writer = await database.sql.reserve();
        await writer`BEGIN`;
        await writer`
          INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
          VALUES (${pair.base}, ${pair.quote}, ${formatTime(T)}::timestamptz, 'sdex', '1', 1, 1),
            (${pair.base}, ${pair.quote}, ${formatTime(T + DAY)}::timestamptz, 'sdex', '1', 1, 1)`;
        let isWaiting = false;
        const pruned = run("trades", T + DAY, {
          onWait: () => {
            isWaiting = true;
            void writer`COMMIT`.then(() => writer.release());
          },
        });
        expect(await pruned).toMatchObject({ count: isChunked ? 1 : 3 });
        expect(isWaiting).toBe(true);
        expect(await rowsOf("trades")).toBe(19);
      });
    });
});
