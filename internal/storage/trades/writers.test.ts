import { randomBytes } from "node:crypto";
import fc from "fast-check";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { MINUTE } from "../../canonical/bucket.ts";
import { makePair, type Pair } from "../../canonical/pair.ts";
import { parseTime } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import type { Sql } from "../connection/pool.ts";
import { connect } from "../connection/pool.ts";
import { expectRollupsExact } from "../rollups/rollups.testing.ts";
import { freshPair, insertTrades, sessionOf, trade, untilBlockedBy } from "./trades.testing.ts";

const T = parseTime("2026-03-01T10:45:00Z");
const DEADLOCK = "40P01";

describe.each(enginesOf(testEngines))("writers on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());
  afterEach(() => expectRollupsExact(database));

  async function countedTrades(pairs: readonly Pair[]): Promise<number | undefined> {
    const [row] = await database.sql<{ trades: number }[]>`
      SELECT sum(trade_count)::int AS trades FROM trades_1h WHERE base_asset = ANY(${pairs.map(({ base }) => base)})`;
    return row?.trades;
  }

  if (engine.server !== null)
    describe("that are concurrent (server engines)", () => {
      let writers: postgres.Sql;
      beforeAll(() => {
        // By default PostgreSQL detects deadlocks after a second, which is too long for a test with many.
        writers = connect(database.url, { max: 8, connection: { deadlock_timeout: 5 } });
      });
      afterAll(() => writers.end());

      /** Retries a whole transaction after a deadlock, as decoders are told to do. */
      async function writeUntilStored(
        batches: readonly (readonly TradeRow[])[],
        betweenBatches: () => Promise<void> = async () => {},
      ): Promise<number> {
        for (let retries = 0; ; retries++) {
          try {
            await writers.begin(async (sql) => {
              for (const [index, batch] of batches.entries()) {
                if (index > 0) await betweenBatches();
                await insertTrades(sql, batch, "new ones only");
              }
            });
            return retries;
          } catch (error) {
            if (!(error instanceof postgres.PostgresError) || error.code !== DEADLOCK) throw error;
          }
        }
      }

      /** Returns the trades of one writer, all on the same few rollup rows, in the writer's own order. */
      function tradesOf(writer: number, pairs: readonly Pair[], rounds: number): TradeRow[][] {
        return Array.from({ length: rounds }, (_, round) => {
          const rows = pairs.flatMap((pair) =>
            ["kraken", "sdex"].flatMap((source) =>
              [0n, MINUTE].map((offset) =>
                trade(pair, T + offset + BigInt(round), {
                  source,
                  tradeId: `${writer}`,
                  quote: `${writer + 1}.${round}1`,
                }),
              ),
            ),
          );
          const order = fc.sample(fc.shuffledSubarray(rows, { minLength: rows.length }), {
            seed: writer * 1000 + round,
            numRuns: 1,
          });
          return order[0] ?? [];
        });
      }

      it("with one statement each, in any order of keys, never deadlock", async () => {
        const pairs = [freshPair(), freshPair(), freshPair()];
        const retries = await Promise.all(
          Array.from({ length: 8 }, async (_, writer) => {
            let count = 0;
            for (const batch of tradesOf(writer, pairs, 15)) count += await writeUntilStored([batch]);
            return count;
          }),
        );
        expect(retries).toEqual(Array(8).fill(0));
        expect(await countedTrades(pairs)).toBe(8 * 15 * 12);
      });

      it("with transactions of several statements lose no trades if they retry after deadlocks", async () => {
        const pairs = [freshPair(), freshPair()];
        await Promise.all(
          Array.from({ length: 5 }, async (_, writer) => {
            const singles = tradesOf(writer, pairs, 5).map((batch) => batch.map((row) => [row]));
            for (const statements of singles) await writeUntilStored(statements);
          }),
        );
        expect(await countedTrades(pairs)).toBe(5 * 5 * 8);
      });

      it("with the same trades store each of them once", async () => {
        const pairs = [freshPair(), freshPair()];
        const rows = tradesOf(1, pairs, 6);
        await Promise.all(
          Array.from({ length: 6 }, async (_, writer) => {
            const order = writer % 2 === 0 ? rows : [...rows].reverse();
            for (const batch of order) await writeUntilStored([writer % 3 === 0 ? [...batch].reverse() : batch]);
          }),
        );
        expect(await countedTrades(pairs)).toBe(6 * 8);
      });

      it("with a cycle of lock orders deadlock every time, retry, and store each trade once", async () => {
        const ring = Array.from({ length: 6 }, () => freshPair());
        const rounds = 4;
        let deadlocks = 0;
        for (let round = 0; round < rounds; round++) {
          const started = barrier(ring.length);
          const counts = await Promise.all(
            ring.map((pair, writer) => {
              const next = ring[(writer + 1) % ring.length] ?? pair;
              const batchOf = (of: Pair) =>
                ["kraken", "sdex"].flatMap((source) =>
                  [0n, MINUTE].map((offset) => trade(of, T + offset, { source, tradeId: `${writer}-${round}` })),
                );
              // Each transaction holds rows that another one needs next, so that one is aborted.
              return writeUntilStored([batchOf(pair), batchOf(next)], started);
            }),
          );
          deadlocks += counts.reduce((sum, count) => sum + count, 0);
        }
        expect(deadlocks).toBeGreaterThanOrEqual(rounds);
        const [stored] = await database.sql`
          SELECT count(*)::int AS trades FROM trades WHERE base_asset = ANY(${ring.map(({ base }) => base)})`;
        expect(stored).toEqual({ trades: rounds * ring.length * 2 * 4 });
        expect(await countedTrades(ring)).toBe(rounds * ring.length * 2 * 4);
      });

      it("that deadlock: one fails, and its retry is stored and counted", async () => {
        const pairs = [freshPair(), freshPair()] as const;
        const first = await writers.reserve();
        const second = await writers.reserve();
        await first`BEGIN`;
        await second`BEGIN`;
        await insertTrades(first, [trade(pairs[0], T, { tradeId: "first" })]);
        await insertTrades(second, [trade(pairs[1], T, { tradeId: "second" })]);
        const crossing = insertTrades(first, [trade(pairs[1], T, { tradeId: "first" })]).then(() => first`COMMIT`);
        const outcomes = await Promise.allSettled([
          crossing,
          untilBlockedBy(database.sql, await sessionOf(second)).then(() =>
            insertTrades(second, [trade(pairs[0], T, { tradeId: "second" })]).then(() => second`COMMIT`),
          ),
        ]);
        await first`ROLLBACK`;
        await second`ROLLBACK`;
        first.release();
        second.release();
        const lost = outcomes.flatMap((outcome, index) =>
          outcome.status === "rejected" ? [{ ...outcome, index }] : [],
        );
        expect(lost).toHaveLength(1);
        expect(lost[0]?.reason).toMatchObject({ code: DEADLOCK });
        expect(await countedTrades(pairs)).toBe(2);
        const tradeId = lost[0]?.index === 0 ? "first" : "second";
        expect(await writeUntilStored(pairs.map((pair) => [trade(pair, T, { tradeId })]))).toBe(0);
        expect(await countedTrades(pairs)).toBe(4);
      });
    });

  describe("with a decoder's role that may only insert into trades, in the time zone of India", () => {
    // The zone is offset by half an hour, which would reveal buckets in local time.
    const ZONE = "Asia/Kolkata";
    const role = `stellarindex_decoder_${randomBytes(6).toString("hex")}`;
    const password = randomBytes(12).toString("hex");
    let decoder: postgres.Sql | null = null;

    beforeAll(async () => {
      await database.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
      await database.sql.unsafe(`GRANT INSERT ON trades TO ${role}`);
      if (engine.server === null) return;
      decoder = connect(null, {
        ...serverOf(database.url),
        username: role,
        password,
        max: 1,
      });
    });
    afterAll(async () => {
      await decoder?.end();
      await database.sql.unsafe(`DROP OWNED BY ${role}`);
      await database.sql.unsafe(`DROP ROLE ${role}`);
    });

    /** Runs a transaction as that role: on its own connection, or on the only session of the embedded engine. */
    function asDecoder<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
      const settings = `${decoder === null ? `SET LOCAL ROLE ${role};` : ""} SET LOCAL TimeZone = '${ZONE}'`;
      return (decoder ?? database.sql).begin(async (sql) => {
        await sql.unsafe(settings).simple();
        return work(sql);
      }) as Promise<T>;
    }

    const bucketsOf = (pair: Pair) => database.sql<{ minute: string; hour: string }[]>`
      SELECT to_char(trades_1m.bucket AT TIME ZONE 'UTC', 'HH24:MI') AS minute,
        to_char(trades_1h.bucket AT TIME ZONE 'UTC', 'HH24:MI') AS hour
      FROM trades_1m JOIN trades_1h USING (base_asset, quote_asset, source) WHERE base_asset = ${pair.base}
      ORDER BY trades_1m.bucket`;

    it("keep rollups in UTC", async () => {
      const pair = freshPair();
      await asDecoder(async (sql) => {
        const [session] = await sql`SELECT current_user::text AS role, current_setting('TimeZone') AS zone`;
        expect(session).toEqual({ role, zone: ZONE });
        await insertTrades(sql, [trade(pair, T), trade(pair, T - 30n * MINUTE)]);
      });
      expect(await bucketsOf(pair)).toEqual([
        { minute: "10:15", hour: "10:00" },
        { minute: "10:45", hour: "10:00" },
      ]);
    });

    it("write a duplicate without the right to read it", async () => {
      const pair = freshPair();
      const write = (rows: TradeRow[]) =>
        asDecoder(async (sql) => (await insertTrades(sql, rows, "new ones only")).count);
      expect(await write([trade(pair, T)])).toBe(1);
      expect(await write([trade(pair, T), trade(pair, T + 1n)])).toBe(1);
      expect(await countedTrades([pair])).toBe(2);
    });

    if (engine.name === "timescaledb")
      it("write into a compressed chunk (TimescaleDB)", async () => {
        const pair = freshPair();
        const late = makePair(pair.base, "fiat:EUR");
        const long = parseTime("2026-01-01T00:00:00Z");
        await asDecoder((sql) => insertTrades(sql, [trade(pair, long)]));
        await database.sql`SELECT compress_chunk(chunk) FROM show_chunks('trades', older_than => timestamptz '2026-02-01') AS chunk`;
        const { count } = await asDecoder((sql) =>
          insertTrades(sql, [trade(pair, long), trade(pair, long + 1n), trade(late, long)], "new ones only"),
        );
        expect(count).toBe(2);
      });

    it.each([
      ["read trades", "SELECT FROM trades"],
      ["read rollups", "SELECT FROM trades_1h"],
      ["read horizons", "SELECT FROM retention_horizons"],
      ["change rollups", "UPDATE trades_1m SET trade_count = 0"],
      ["add rollups", "INSERT INTO trades_1h SELECT"],
      ["delete rollups", "DELETE FROM trades_1m"],
      ["move horizons", "UPDATE retention_horizons SET complete_from = now()"],
      ["change trades", "UPDATE trades SET base_amount = 1"],
      [
        "delete trades, not even with the maintenance flag",
        "SET LOCAL stellarindex.maintenance = 'on'; DELETE FROM trades",
      ],
      ["truncate trades", "TRUNCATE trades"],
    ])("may not %s", async (_, statement) => {
      await expect(asDecoder((sql) => sql.unsafe(statement).simple())).rejects.toMatchObject({
        code: "42501",
        message: expect.stringContaining("permission denied for table"),
      });
    });

    it("may not use the trigger's function on their own table", async () => {
      const attempt = asDecoder((sql) =>
        sql
          .unsafe(`
            CREATE TEMPORARY TABLE forged (ts timestamptz);
            CREATE TRIGGER forged AFTER INSERT ON forged REFERENCING NEW TABLE AS inserted
            FOR EACH STATEMENT EXECUTE FUNCTION trades_add_to_rollups()`)
          .simple(),
      );
      await expect(attempt).rejects.toMatchObject({ message: "permission denied for function trades_add_to_rollups" });
    });

    it("cannot redirect the rollups with a temporary table of the same name or another search path", async () => {
      const pair = freshPair();
      await asDecoder(async (sql) => {
        await sql.unsafe("CREATE TEMPORARY TABLE trades_1h (bucket timestamptz) ON COMMIT DROP");
        await sql.unsafe("CREATE TEMPORARY TABLE retention_horizons (table_name text) ON COMMIT DROP");
        await sql`SET LOCAL search_path = pg_temp, pg_catalog, public`;
        await insertTrades(sql, [trade(pair, T)]);
      });
      expect(await countedTrades([pair])).toBe(1);
    });
  });
});

/** A barrier: blocks until `count` callers wait, and lets later ones pass. */
function barrier(count: number): () => Promise<void> {
  let waiting = 0;
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    waiting++;
    if (waiting === count) open();
    return opened;
  };
}

/** Returns the parts of a server's URL, so that the role can be replaced. */
function serverOf(url: string) {
  const { hostname, port, pathname } = new URL(url);
  return { host: hostname, port: Number(port || 5432), database: pathname.slice(1) };
}
