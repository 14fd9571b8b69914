import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { formatPair, type Pair } from "../../canonical/pair.ts";
import { formatTime, parseTime } from "../../canonical/time.ts";
import { retryConflicts } from "../connection/conflicts.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { freshPair, insertTrades, sessionOf, trade, untilBlockedBy } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import type { RollupDifference, RollupRange } from "./compare.ts";
import { expectRollupsExact } from "./rollups.testing.ts";
import { type VerifyOptions, verifyRollups } from "./verify.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const EVER = { from: parseTime("0001-01-01T00:00:00Z"), to: parseTime("9999-12-31T23:00:00Z") + HOUR };

describe.each(enginesOf(testEngines))("rollups verify on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  // Each test repairs what it damages.
  afterEach(() => expectRollupsExact(database));

  async function verify(range: Partial<RollupRange> = {}, options: Partial<VerifyOptions> = {}) {
    const found: RollupDifference[] = [];
    const verified = await verifyRollups(
      database,
      { pair: null, ...EVER, ...range },
      {
        repair: false,
        signal: new AbortController().signal,
        onProgress: () => {},
        onDifference: (difference) => void found.push(difference),
        ...options,
      },
    );
    const lines = found.map(({ table, pair, bucket, source, kind, figures }) =>
      [
        `${table} ${formatPair(pair)} ${formatTime(bucket)} ${source} ${kind}`,
        ...figures.map(({ column, stored, computed }) => `${column} ${stored} ${computed}`),
      ].join(", "),
    );
    return { ...verified, lines };
  }

  /** Writes three minutes of two sources in two hours. */
  async function market(): Promise<Pair> {
    const pair = freshPair();
    await writeTrades(
      database,
      ["kraken", "sdex"].flatMap((source) =>
        [0n, 1n, MINUTE, HOUR].map((offset, index) =>
          trade(pair, T + offset, { source, tradeId: `${index}`, quote: `${index + 2}` }),
        ),
      ),
    );
    return pair;
  }

  const damage = async (statement: (sql: Sql) => Promise<{ readonly count: number }>, count = 1): Promise<void> => {
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      expect((await statement(sql)).count).toBe(count);
    });
  };

  it("finds nothing if rollups are correct or there are none", async () => {
    expect(await verify({ pair: freshPair() })).toMatchObject({ trades: 0, differences: 0, left: 0, lines: [] });
    const pair = await market();
    expect(await verify({ pair })).toEqual({
      completeFrom: null,
      trades: 8,
      differences: 0,
      left: 0,
      isInterrupted: false,
      lines: [],
    });
  });

  it.each(["trades_1m", "trades_1h"] as const)("finds a wrong value in any column of %s", async (table) => {
    const wrong: Record<string, [set: string, stored: string]> = {
      trade_count: ["trade_count + 1", table === "trades_1m" ? "3" : "4"],
      base_volume: ["base_volume + 0.0000000000000000000001", ""],
      quote_volume: ["-quote_volume", table === "trades_1m" ? "-5" : "-9"],
      price_sum: ["0", "0"],
      price_square_sum: ["'NaN'", "NaN"],
      price_min: ["1", "1"],
      price_max: ["1e30", "1000000000000000000000000000000"],
      open_ts: ["open_ts + interval '1 microsecond'", "2026-03-01T10:00:00.000001+00:00"],
      open_trade_id: ["'1'", "1"],
      open_price: ["7", "7"],
      close_ts: ["close_ts - interval '1 microsecond'", ""],
      close_trade_id: [`'"'`, '"'],
      close_price: ["7.0", "7.0"],
      quote_price_sum: ["quote_price_sum + 1", ""],
      quote_price_square_sum: ["NULL", "null"],
      imprecise_count: ["1", "1"],
      forming_open_ts: ["open_ts", "2026-03-01T10:00:00+00:00 null"],
      forming_open_trade_id: ["'0'", "0 null"],
      forming_open_price: ["3", "3 null"],
      forming_high_price: ["3", "3 null"],
      forming_low_price: ["3", "3 null"],
      forming_close_ts: ["close_ts", ""],
      forming_close_trade_id: ["'0'", "0 null"],
      forming_close_price: ["3", "3 null"],
    };
    // One market per column, so that all columns are checked at once.
    const expected = new Map<string, unknown>();
    const bases: string[] = [];
    for (const [column, [set, stored]] of Object.entries(wrong)) {
      const pair = await market();
      await damage((sql) =>
        sql.unsafe(
          `UPDATE ${table} SET ${column} = ${set} WHERE base_asset = '${pair.base}' AND source = 'sdex'
           AND bucket = '2026-03-01 10:00Z'`,
        ),
      );
      const name = formatPair(pair);
      bases.push(pair.base);
      expected.set(name, [
        expect.stringContaining(`${table} ${name} 2026-03-01T10:00:00Z sdex wrong, ${column} ${stored}`),
      ]);
    }
    const count = expected.size;
    const { lines, differences, left } = await verify();
    const found = [...expected.keys()].map(
      (name) => [name, lines.filter((line) => line.includes(` ${name} `))] as const,
    );
    expect(new Map(found)).toEqual(expected);
    expect({ differences, left, lines: lines.length }).toEqual({ differences: count, left: count, lines: count });
    expect(await verify({}, { repair: true })).toMatchObject({ differences: count, left: 0 });
    await expectRollupsExact(database);
    // This many markets would slow down tests that read all of them.
    await database.sql.begin(async (sql) => {
      await sql`SET LOCAL stellarindex.maintenance = 'on'`;
      for (const each of ["trades", "trades_1m", "trades_1h"])
        await sql`DELETE FROM ${sql(each)} WHERE base_asset = ANY(${bases}::text[])`;
    });
  });

  it("ignores the notation of a value", async () => {
    const pair = await market();
    await damage(
      (sql) => sql`UPDATE trades_1h SET base_volume = base_volume * 1.000 WHERE base_asset = ${pair.base}`,
      4,
    );
    expect((await verify()).lines).toEqual([]);
  });

  it("distinguishes missing and surplus rows", async () => {
    const pair = await market();
    const own = (sql: Sql) => sql`base_asset = ${pair.base} AND bucket = '2026-03-01 10:00Z'`;
    const name = formatPair(pair);
    const cases: [(sql: Sql) => Promise<{ readonly count: number }>, number, string[]][] = [
      [
        (sql) => sql`DELETE FROM trades_1m WHERE ${own(sql)} AND source = 'kraken'`,
        1,
        [`trades_1m ${name} 2026-03-01T10:00:00Z kraken missing`],
      ],
      [
        (sql) => sql`DELETE FROM trades_1h WHERE ${own(sql)}`,
        2,
        [
          `trades_1h ${name} 2026-03-01T10:00:00Z kraken missing`,
          `trades_1h ${name} 2026-03-01T10:00:00Z sdex missing`,
        ],
      ],
      [
        (sql) => sql`INSERT INTO trades_1h SELECT (t).* FROM (
          SELECT jsonb_populate_record(t, '{"source": "other"}') AS t FROM trades_1h AS t
          WHERE ${own(sql)} AND source = 'sdex') AS copied`,
        1,
        [`trades_1h ${name} 2026-03-01T10:00:00Z other surplus`],
      ],
      [
        // No bucket starts at this time.
        (sql) =>
          sql`UPDATE trades_1m SET bucket = bucket + interval '30 seconds' WHERE ${own(sql)} AND source = 'sdex'`,
        1,
        [`trades_1m ${name} 2026-03-01T10:00:00Z sdex missing`, `trades_1m ${name} 2026-03-01T10:00:30Z sdex surplus`],
      ],
      [
        // Trades that were removed without updating the rollups.
        (sql) =>
          sql`DELETE FROM trades WHERE base_asset = ${pair.base} AND ts >= '2026-03-01 11:00Z' AND source = 'sdex'`,
        1,
        [`trades_1h ${name} 2026-03-01T11:00:00Z sdex surplus`, `trades_1m ${name} 2026-03-01T11:00:00Z sdex surplus`],
      ],
    ];
    for (const [statement, count, lines] of cases) {
      await damage(statement, count);
      expect((await verify()).lines).toEqual(lines);
      expect(await verify({}, { repair: true })).toMatchObject({ lines, left: 0 });
      await expectRollupsExact(database);
    }
  });

  it("repairs rollups of trades that were written without them", async () => {
    const pair = freshPair();
    // This is the state after a restore with triggers disabled.
    await database.sql`ALTER TABLE trades DISABLE TRIGGER trades_keep_rollups`;
    try {
      await insertTrades(database.sql, [trade(pair, T), trade(pair, T + 30n * 24n * HOUR), trade(pair, T + 1n)]);
    } finally {
      await database.sql`ALTER TABLE trades ENABLE TRIGGER trades_keep_rollups`;
    }
    expect((await verify()).lines).toEqual(
      ["trades_1h", "trades_1m"]
        .flatMap((table) => [`${table} ${formatPair(pair)} 2026-03-01T10:00:00Z kraken missing`])
        .concat(
          ["trades_1h", "trades_1m"].map((table) => `${table} ${formatPair(pair)} 2026-03-31T10:00:00Z kraken missing`),
        ),
    );
    expect(await verify({}, { repair: true })).toMatchObject({ trades: expect.any(Number), differences: 4, left: 0 });
  });

  it("works at both ends of the calendar and over years without trades", async () => {
    const pair = freshPair();
    const times = [
      "0001-01-01T00:00:00Z",
      "1883-11-18T11:59:59.999999Z",
      "1970-01-01T00:00:00Z",
      "9999-12-31T23:59:59.999999Z",
    ];
    await writeTrades(
      database,
      times.map((time) => trade(pair, time)),
    );
    expect(await verify({ pair })).toMatchObject({ trades: 4, differences: 0 });
    await damage((sql) => sql`UPDATE trades_1m SET price_max = 3 WHERE base_asset = ${pair.base}`, 4);
    expect(await verify({ pair }, { repair: true })).toMatchObject({ differences: 4, left: 0 });
  });

  it("can be limited to a pair and a range", async () => {
    const [pair, other] = [await market(), await market()];
    for (const { base } of [pair, other]) {
      await damage((sql) => sql`UPDATE trades_1h SET trade_count = 0 WHERE base_asset = ${base}`, 4);
    }
    const first = await verify({ pair, to: T + HOUR }, { repair: true });
    expect(first).toMatchObject({ trades: 6, differences: 2, left: 0 });
    expect(await verify({ pair })).toMatchObject({ differences: 2 });
    expect(await verify({ pair, from: T + HOUR }, { repair: true })).toMatchObject({
      trades: 2,
      differences: 2,
      left: 0,
    });
    expect(await verify()).toMatchObject({ differences: 4 });
    expect(await verify({}, { repair: true })).toMatchObject({ differences: 4, left: 0 });
  });

  it("starts where raw trades are complete", async () => {
    const pair = await market();
    const [other] = [await market()];
    await damage((sql) => sql`UPDATE trades_1h SET trade_count = 0 WHERE base_asset = ${pair.base}`, 4);
    await damage((sql) => sql`UPDATE trades_1m SET trade_count = 0 WHERE base_asset = ${pair.base}`, 6);
    const cut = (table: string, time: string) =>
      database.sql`UPDATE retention_horizons SET complete_from = ${time}::timestamptz WHERE table_name = ${table}`;
    try {
      // An hour with only its last part cannot be compared either.
      await cut("trades", "2026-03-01T10:00:01Z");
      const later = { completeFrom: T + 1_000_000n, trades: 2, differences: 4, left: 4 };
      expect(await verify({ pair })).toMatchObject(later);
      expect(await verify({ pair, from: T })).toMatchObject(later);
      await cut("trades", "2026-03-01T11:00:00Z");
      // Hour rollups are kept longer than minutes.
      await cut("trades_1m", "2026-03-01T12:00:00Z");
      expect(await verify({ pair })).toMatchObject({ trades: 2, differences: 2 });
      await cut("trades_1h", "2026-03-01T12:00:00Z");
      expect(await verify({ pair })).toMatchObject({ trades: 2, differences: 0 });
      await cut("trades", "2026-03-01T13:00:00Z");
      expect(await verify({ pair })).toMatchObject({ trades: 0, differences: 0 });
      expect(await verify({ pair: other })).toMatchObject({ trades: 0, differences: 0 });
    } finally {
      await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    }
    expect(await verify({ pair }, { repair: true })).toMatchObject({ differences: 10, left: 0 });
  });

  it("stops when it is interrupted", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T), trade(pair, T + 48n * HOUR)]);
    const controller = new AbortController();
    const done: number[] = [];
    const onProgress = (part: number): void => {
      done.push(part);
      controller.abort();
    };
    const { trades, isInterrupted } = await verify({ pair }, { signal: controller.signal, onProgress });
    expect(isInterrupted).toBe(true);
    expect(done).toHaveLength(1);
    // On a hypertable it uses the ranges of chunks, in which the first trade may come later.
    if (engine.name === "timescaledb") expect(done[0]).toBeLessThan(1);
    else expect([trades, done[0]]).toEqual([1, 1 / 49]);
  });

  it("finds and repairs exactly what is wrong, for any damage", async () => {
    const step = fc.record({
      table: fc.constantFrom("trades_1m", "trades_1h"),
      hour: fc.integer({ min: 0, max: 2 }),
      source: fc.constantFrom("kraken", "sdex"),
      how: fc.constantFrom("delete", "change", "move"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const pair = await market();
        for (const { table, hour, source, how } of steps) {
          const set = how === "change" ? "trade_count = 9" : "source = 'nobody' || source";
          const verb = how === "delete" ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set}`;
          await database.sql.unsafe(
            `${verb} WHERE base_asset = '${pair.base}' AND source = '${source}' AND
             bucket >= timestamptz '${formatTime(T)}' + interval '${hour} hours'
             AND bucket < timestamptz '${formatTime(T)}' + interval '${hour + 1} hours'`,
          );
        }
        const isExact = await expectRollupsExact(database, [pair.base]).then(
          () => true,
          () => false,
        );
        const { differences } = await verify({ pair });
        expect(differences === 0).toBe(isExact);
        expect(await verify({}, { repair: true })).toMatchObject({ differences, left: 0 });
        await expectRollupsExact(database, [pair.base]);
      }),
      { numRuns: runsOf(15) },
    );
  });

  if (engine.server !== null)
    describe("with concurrent writers (server engines)", () => {
      async function countedTrades({ base }: Pair): Promise<number | undefined> {
        const [row] = await database.sql<{ trades: number }[]>`
          SELECT sum(trade_count)::int AS trades FROM trades_1h WHERE base_asset = ${base}`;
        return row?.trades;
      }

      it("finds no differences that are not there", async () => {
        const pairs = [freshPair(), freshPair()];
        let isWriting = true;
        const writers = [0, 1, 2].map(async (writer) => {
          for (let round = 0; round < 60; round++) {
            const rows = pairs.flatMap((pair) =>
              [0n, MINUTE, HOUR].map((offset) => trade(pair, T + offset, { tradeId: `${writer} ${round}` })),
            );
            await writeTrades(database, rows);
          }
        });
        const all = Promise.all(writers).finally(() => {
          isWriting = false;
        });
        for (let runs = 0; isWriting || runs === 0; runs++) expect((await verify()).lines).toEqual([]);
        await all;
        expect((await verify()).lines).toEqual([]);
      });

      it.each(["COMMIT", "ROLLBACK"])(
        "waits, when it repairs a missing hour, for an inserter that then does %s",
        async (ending) => {
          const pair = await market();
          await damage((sql) => sql`DELETE FROM trades_1h WHERE base_asset = ${pair.base}`, 4);
          await damage((sql) => sql`DELETE FROM trades_1m WHERE base_asset = ${pair.base}`, 6);
          const inserter = await database.sql.reserve();
          await inserter`BEGIN`;
          await insertTrades(inserter, [trade(pair, T + 9n, { tradeId: "new" })]);
          const repaired = verify({ pair }, { repair: true });
          await untilBlockedBy(database.sql, await sessionOf(inserter));
          await inserter.unsafe(ending);
          inserter.release();
          expect(await repaired).toMatchObject({ differences: 10, left: 0 });
          expect(await countedTrades(pair)).toBe(ending === "COMMIT" ? 9 : 8);
        },
      );

      it("makes an inserter wait that starts during the repair of a missing hour, and counts its trade", async () => {
        const pair = await market();
        await damage((sql) => sql`DELETE FROM trades_1h WHERE base_asset = ${pair.base}`, 4);
        // Locks a minute that the repair will delete, so that the repair stops with its hours locked.
        const holder = await database.sql.reserve();
        await holder`BEGIN`;
        await holder`SELECT FROM trades_1m WHERE base_asset = ${pair.base} FOR UPDATE`;
        const repaired = verify({ pair }, { repair: true });
        const [repairing = 0] = await untilBlockedBy(database.sql, await sessionOf(holder));
        const inserted = writeTrades(database, [trade(pair, T + 9n, { tradeId: "new" })]);
        await untilBlockedBy(database.sql, repairing);
        await holder`COMMIT`;
        holder.release();
        expect(await repaired).toMatchObject({ differences: 4, left: 0 });
        expect(await inserted).toMatchObject({ inserted: 1 });
        expect(await countedTrades(pair)).toBe(9);
      });

      it("repairs correctly while more rollups are damaged concurrently", async () => {
        const pair = freshPair();
        let isWriting = true;
        const writers = [0, 1, 2, 3].map(async (writer) => {
          for (let round = 0; round < 50; round++) {
            const rows = [0n, MINUTE, HOUR].map((offset) => trade(pair, T + offset, { tradeId: `${writer} ${round}` }));
            await retryConflicts(() => writeTrades(database, rows));
          }
        });
        const all = Promise.all(writers).finally(() => {
          isWriting = false;
        });
        let repairs = 0;
        while (isWriting) {
          // Deletes lock rows in another order than writers do: the server may end either.
          await retryConflicts(() => database.sql`DELETE FROM trades_1h WHERE base_asset = ${pair.base}`);
          if (repairs % 2 === 0) {
            await retryConflicts(() => database.sql`DELETE FROM trades_1m WHERE base_asset = ${pair.base}`);
          }
          expect(await verify({ pair }, { repair: true })).toMatchObject({ left: 0 });
          repairs++;
        }
        await all;
        expect(repairs).toBeGreaterThan(0);
        expect(await verify({ pair })).toMatchObject({ trades: 600, differences: 0 });
        expect(await countedTrades(pair)).toBe(600);
      });

      it("retries a repair that deadlocks with a writer", async () => {
        const pair = await market();
        await damage((sql) => sql`DELETE FROM trades_1h WHERE base_asset = ${pair.base}`, 4);
        // Two statements in reverse key order, so that one of the two is aborted.
        const writer = await database.sql.reserve();
        await writer`BEGIN`;
        await insertTrades(writer, [trade(pair, T + 2n, { source: "sdex", tradeId: "new" })]);
        const repaired = verify({ pair }, { repair: true });
        await untilBlockedBy(database.sql, await sessionOf(writer));
        const second = await insertTrades(writer, [trade(pair, T + 2n, { tradeId: "new" })]).then(
          () => "stored",
          ({ code }: { code: string }) => code,
        );
        await writer`COMMIT`;
        writer.release();
        expect(["stored", "40P01"]).toContain(second);
        expect(await repaired).toMatchObject({ left: 0 });
        expect(await countedTrades(pair)).toBe(second === "stored" ? 10 : 8);
      });
    });
});
