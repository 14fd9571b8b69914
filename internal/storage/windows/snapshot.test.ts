import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain } from "../../../test/model.ts";
import { parseAsset } from "../../canonical/asset.ts";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { makePair } from "../../canonical/pair.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { TradeReader } from "../../policy/reader.ts";
import { connectBeside, openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "./snapshot.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const WEEK = seconds(7 * 86_400);

describe.each(testEngines)("a snapshot on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const ask = <T>(question: (reader: TradeReader) => Promise<T>): Promise<T> => withSnapshot(database, question);

  /** Runs with raw trades complete only from a time on, as after retention. */
  async function withHorizon(at: Micros, work: () => Promise<void>): Promise<void> {
    const set = (epoch: string) => database.sql`
      UPDATE retention_horizons SET complete_from = to_timestamp(${epoch}::text::double precision) WHERE table_name = 'trades'`;
    await set(String(at / 1_000_000n));
    try {
      await work();
    } finally {
      await set("-infinity");
    }
  }

  describe("sees one state of the trades", () => {
    /** Runs every query on a market of two hours. */
    const everything = (pair: ReturnType<typeof freshPair>) => async (reader: TradeReader) => {
      const bucket = { from: T - HOUR - 1n, to: T + HOUR + 1n };
      const one = parseDecimal("1");
      const outliers = {
        sources: ["kraken"],
        tradeCount: 3,
        band: { low: one, high: one },
        rule: {
          method: "sigma" as const,
          statistics: { weight: one, sum: one, squareSum: one },
          k: parseDecimal("0"),
        },
      };
      return [
        (await reader.totals([pair], bucket)).map(({ tradeCount }) => tradeCount),
        (await reader.outliers([pair], bucket, outliers, 10)).trades?.length,
        (await reader.outliers([pair], bucket, { ...outliers, tradeCount: 1e6 }, 10)).volumes.map(
          ({ tradeCount }) => tradeCount,
        ),
        (await reader.fxQuote(parseAsset("fiat:ISK"), ["ecb"], bucket.to))?.price.toFixed(),
        (await reader.timeWeighted([pair], bucket, { sources: null, filter: null, carrySeconds: 0 })).tradeCount,
        (await reader.lastTrade([pair], bucket, { sources: null, filter: null }))?.price.toFixed(),
        Number((await reader.recentBlocks([pair], T + HOUR, null, null)).hours[0]?.sources[0]?.base[0]),
        (await reader.filteredCandle([pair], { from: T, to: T + HOUR }, ["kraken"], { rule: null, band: null }))
          .tradeCount,
        (
          await reader.candles({
            ...{ pairs: [pair], sources: null, intervalSeconds: 3600, limit: 10 },
            range: { from: T, to: T + HOUR },
          })
        ).candles[0]?.tradeCount,
      ];
    };
    const eachSeen = (pair: ReturnType<typeof freshPair>, round: number): TradeRow[] => [
      trade(pair, T + BigInt(round), { quote: `${round + 1}`, tradeId: `${round}` }),
      trade(makePair("fiat:ISK", "fiat:USD"), T + BigInt(round), { source: "ecb", quote: `${round + 1}` }),
    ];

    if (engine.server !== null)
      it("while another session commits (server engines)", async () => {
        const pair = freshPair();
        await writeTrades(database, eachSeen(pair, 1));
        const before = [[1], 1, [1], "2", 1, "2", 1, 1, 1];
        await ask(async (reader) => {
          expect(await everything(pair)(reader)).toEqual(before);
          await writeTrades(database, eachSeen(pair, 2));
          expect(await everything(pair)(reader)).toEqual(before);
        });
        expect(await ask(everything(pair))).toEqual([[2], 2, [2], "3", 2, "3", 2, 2, 2]);
      });

    if (engine.server !== null)
      it("from before its first query (server engines)", async () => {
        const pair = freshPair();
        const answers = await ask(async (reader) => {
          await writeTrades(database, [trade(pair, T)]);
          return reader.totals([pair], { from: T, to: T + HOUR });
        });
        expect(answers).toEqual([]);
      });

    if (engine.server === null)
      it("and a write waits for its end (embedded engine)", async () => {
        const pair = freshPair();
        await writeTrades(database, eachSeen(pair, 1));
        const other = connectBeside(database, { max: 1 });
        // Connected beforehand, so that the write waits and not the handshake.
        await other`SELECT 1`;
        const order: string[] = [];
        let write: Promise<unknown> = Promise.resolve();
        await ask(async (reader) => {
          const before = await everything(pair)(reader);
          write = writeTrades({ ...database, sql: other }, eachSeen(pair, 2)).then(() => order.push("written"));
          expect(await everything(pair)(reader)).toEqual(before);
          expect(await everything(pair)(reader)).toEqual(before);
          order.push("read");
        });
        await write;
        expect(order).toEqual(["read", "written"]);
        expect(await ask(everything(pair))).toEqual([[2], 2, [2], "3", 2, "3", 2, 2, 2]);
        await other.end();
      });
  });

  describe("the last quote to USD", () => {
    // Each test uses its own currency, as other tests use their own pair.
    const currency = (code: string) => parseAsset(`fiat:${code}`);
    const [AUD, BRL, CAD, CHF, DKK] = [
      currency("AUD"),
      currency("BRL"),
      currency("CAD"),
      currency("CHF"),
      currency("DKK"),
    ];
    const [GBP, HUF, JPY, MXN, NOK] = [
      currency("GBP"),
      currency("HUF"),
      currency("JPY"),
      currency("MXN"),
      currency("NOK"),
    ];
    const direct = (currency: string, ts: Micros, price: string, source = "ecb", tradeId = "1") =>
      trade(makePair(currency, "fiat:USD"), ts, { source, tradeId, quote: price });
    const inverse = (currency: string, ts: Micros, price: string, source = "ecb", tradeId = "1") =>
      trade(makePair("fiat:USD", currency), ts, { source, tradeId, quote: price });
    const quote = async (currency: string, at: Micros, sources = ["ecb", "massive"]) => {
      const found = await ask((reader) => reader.fxQuote(parseAsset(currency), sources, at));
      return found === null ? null : `${found.inverse ? "1/" : ""}${formatDecimal(found.price)}`;
    };

    it("counts from its timestamp on, for 7 days to the microsecond", async () => {
      await writeTrades(database, [direct(AUD, T, "0.7"), direct(AUD, T + 5n, "0.8")]);
      expect(await quote(AUD, T - 1n)).toBeNull();
      expect(await quote(AUD, T)).toBe("0.7");
      expect(await quote(AUD, T + 4n)).toBe("0.7");
      expect(await quote(AUD, T + 5n)).toBe("0.8");
      expect(await quote(AUD, T + 5n + WEEK)).toBe("0.8");
      expect(await quote(AUD, T + 6n + WEEK)).toBeNull();
    });

    it("may be quoted as USD in the currency", async () => {
      await writeTrades(database, [inverse(BRL, T, "5.5"), direct(BRL, T + 1n, "0.2"), inverse(BRL, T + 2n, "5")]);
      expect(await quote(BRL, T)).toBe("1/5.5");
      expect(await quote(BRL, T + 1n)).toBe("0.2");
      expect(await quote(BRL, T + 2n)).toBe("1/5");
    });

    it("is the last in the order of trades: source, length of the id, id bytewise", async () => {
      const inOrder = [
        direct(CAD, T, "1", "ecb", "b"),
        inverse(CAD, T, "2", "ecb", "10"),
        direct(CAD, T, "3", "massive", "B"),
        inverse(CAD, T, "4", "massive", "a"),
        direct(CAD, T, "5", "massive", "z9"),
      ];
      const expected = ["1", "1/2", "3", "1/4", "5"];
      // The answer is the same for any order of writing.
      await writeTrades(database, [...inOrder].reverse().slice(4));
      expect(await quote(CAD, T)).toBe("1");
      for (const [index, row] of inOrder.entries()) {
        await writeTrades(database, [row]);
        expect(await quote(CAD, T)).toBe(expected[index]);
      }
    });

    it("is the direct one of two orientations with the same identity", async () => {
      await writeTrades(database, [inverse(CHF, T, "0.8"), direct(CHF, T, "1.2")]);
      expect(await quote(CHF, T)).toBe("1.2");
    });

    it("ignores a price that is truncated to 0", async () => {
      await writeTrades(database, [
        direct(DKK, T, "0.15"),
        { ...direct(DKK, T + 1n, "0.000001"), baseAmount: parseDecimal("1e30") },
        { ...inverse(DKK, T + 2n, "0.000001"), baseAmount: parseDecimal("1e30") },
      ]);
      expect(await quote(DKK, T + 2n)).toBe("0.15");
    });

    it("comes from the requested sources and currency only", async () => {
      await writeTrades(database, [
        direct(GBP, T, "1.3"),
        direct(GBP, T + 1n, "1.4", "kraken"),
        trade(makePair(GBP, "fiat:EUR"), T + 1n, { source: "ecb" }),
        trade(makePair("crypto:GBP", "fiat:USD"), T + 1n, { source: "ecb" }),
      ]);
      expect(await quote(GBP, T + 1n)).toBe("1.3");
      expect(await quote(GBP, T + 1n, ["kraken"])).toBe("1.4");
      expect(await quote(GBP, T + 1n, ["massive"])).toBeNull();
      expect(await quote(GBP, T + 1n, [])).toBeNull();
      expect(await quote(HUF, T)).toBeNull();
    });

    it("is refused only if retention may have removed it", async () => {
      await writeTrades(database, [direct(JPY, T, "0.0067"), inverse(MXN, T + WEEK, "17")]);
      await withHorizon(T + seconds(1), async () => {
        // It still exists, but a removed one before the horizon could be the last.
        await expect(quote(JPY, T + HOUR)).rejects.toThrow(RawDataExpired);
        await expect(quote(NOK, T + HOUR)).rejects.toThrow(/needs trades from 2026-02-22T11:00:00Z/);
        expect(await quote(MXN, T + WEEK)).toBe("1/17");
        expect(await quote(NOK, T + seconds(1) + WEEK)).toBeNull();
      });
    });
  });

  describe("time-weighted sums", () => {
    const bucket = { from: T, to: T + seconds(100) };
    const sums = async (pairs: ReturnType<typeof freshPair>[], within = bucket, sources: string[] | null = null) => {
      const { weightedSum, duration, tradeCount } = await ask((reader) =>
        reader.timeWeighted(pairs, within, { sources, filter: null, carrySeconds: 0 }),
      );
      return { weightedSum: formatDecimal(weightedSum), duration, tradeCount };
    };

    it("equal values computed by hand: 2 for 30 s, 8 for 50 s, 1 for 10 s", async () => {
      const pair = freshPair();
      await writeTrades(database, [
        trade(pair, T - 1n, { quote: "1000" }),
        trade(pair, T + seconds(10), { quote: "2" }),
        // Of trades with equal timestamps the last one counts: here that with the longer id.
        trade(pair, T + seconds(40), { quote: "8", tradeId: "10" }),
        trade(pair, T + seconds(40), { quote: "4", tradeId: "9" }),
        trade(pair, T + seconds(90), { quote: "1" }),
        trade(pair, T + seconds(100), { quote: "1000" }),
      ]);
      expect(await sums([pair])).toEqual({ weightedSum: "470000000", duration: seconds(90), tradeCount: 4 });
    });

    it("are correct for a single trade, one in the last microsecond, and none", async () => {
      const [pair, nothing] = [freshPair(), freshPair()];
      await writeTrades(database, [trade(pair, bucket.to - 1n, { quote: "3" })]);
      expect(await sums([pair])).toEqual({ weightedSum: "3", duration: 1n, tradeCount: 1 });
      expect(await sums([nothing])).toEqual({ weightedSum: "0", duration: 0n, tradeCount: 0 });
      expect(await sums([])).toEqual({ weightedSum: "0", duration: 0n, tradeCount: 0 });
    });

    it("are refused before the horizon, although every trade of the bucket still exists", async () => {
      const pair = freshPair();
      await writeTrades(database, [trade(pair, T + seconds(10))]);
      await withHorizon(T + seconds(1), async () => {
        await expect(sums([pair])).rejects.toThrow(RawDataExpired);
        expect(await sums([pair], { from: T + seconds(1), to: bucket.to })).toMatchObject({ tradeCount: 1 });
      });
    });

    const anyTrade = fc.record({
      market: fc.nat({ max: 1 }),
      ts: fc.oneof(
        fc.constantFrom(-1n, 0n, 1n, 50n, seconds(60), seconds(100) - 1n, seconds(100)),
        fc.bigInt({ min: 0n, max: seconds(100) }),
      ),
      source: fc.constantFrom<string>("binance", "kraken", "sdex"),
      tradeId: fc.constantFrom("1", "2", "10", "a", "B", "é"),
      base: fc.bigInt({ min: 1n, max: 10n ** 33n }),
      quote: fc.bigInt({ min: 1n, max: 10n ** 33n }),
    });

    it("equal a sum row by row, over several markets and selected sources", async () => {
      const sources = fc.constantFrom<string[] | null>(null, ["kraken"], ["binance", "sdex"], []);
      await fc.assert(
        fc.asyncProperty(fc.array(anyTrade, { maxLength: 25 }), sources, async (trades, chosen) => {
          const markets = [freshPair(), freshPair()] as const;
          const rows = trades.map((row) => ({ ...row, ts: T + row.ts, pair: markets[row.market as 0 | 1] }));
          const identity = ({ pair, ts, source, tradeId }: (typeof rows)[number]) =>
            [pair.base, ts, source, tradeId].join();
          const stored = [...new Map([...rows].reverse().map((row) => [identity(row), row])).values()];
          await writeTrades(
            database,
            rows.map(({ pair, ts, source, tradeId, base, quote }) =>
              trade(pair, ts, { source, tradeId, base: plain(base, 30n), quote: plain(quote, 30n) }),
            ),
          );
          const inOrder = stored
            .filter(({ ts }) => ts >= bucket.from && ts < bucket.to)
            .filter(({ source }) => chosen === null || chosen.includes(source))
            .sort(
              (a, b) =>
                Number(a.ts - b.ts) ||
                compareBytes(a.source, b.source) ||
                a.tradeId.length - b.tradeId.length ||
                compareBytes(a.tradeId, b.tradeId) ||
                compareBytes(a.pair.base, b.pair.base),
            );
          let [weighted, duration] = [0n, 0n];
          for (const [index, { ts, base, quote }] of inOrder.entries()) {
            const stands = (inOrder[index + 1]?.ts ?? bucket.to) - ts;
            weighted += ((quote * 10n ** 30n) / base) * stands;
            duration += stands;
          }
          expect(await sums([...markets], bucket, chosen)).toEqual({
            weightedSum: plain(weighted, 30n),
            duration,
            tradeCount: inOrder.length,
          });
        }),
        { numRuns: 40 },
      );
    });
  });

  describe("the last trade", () => {
    const bucket = { from: T, to: T + MINUTE };
    const last = async (pairs: ReturnType<typeof freshPair>[], sources: string[] | null = null) => {
      const found = await ask((reader) => reader.lastTrade(pairs, bucket, { sources, filter: null }));
      return found === null ? null : { ...found, price: formatDecimal(found.price) };
    };

    it("is the last in the order of trades of all requested markets", async () => {
      const [one, two, other] = [freshPair(), freshPair(), freshPair()];
      const inOrder = [
        trade(two, T, { source: "zzz" }),
        trade(one, T + 1n, { source: "binance", tradeId: "999" }),
        trade(one, T + 1n, { source: "kraken", tradeId: "b" }),
        trade(two, T + 1n, { source: "kraken", tradeId: "10" }),
        trade(one, T + 1n, { source: "kraken", tradeId: "1a" }),
        trade(two, T + 1n, { source: "sdex", tradeId: "1" }),
        trade(one, bucket.to - 1n, { source: "binance" }),
      ];
      await writeTrades(database, [
        trade(one, T - 1n, { source: "zzz" }),
        trade(one, bucket.to, { source: "zzz" }),
        trade(other, T + 2n, { source: "zzz" }),
      ]);
      expect(await last([one, two])).toBeNull();
      for (const [index, row] of inOrder.entries()) {
        await writeTrades(database, [{ ...row, quoteAmount: parseDecimal(`${index + 1}`) }]);
        expect(await last([one, two])).toEqual({ ts: row.ts, source: row.source, price: `${index + 1}` });
      }
      expect(await last([one, two], ["kraken", "nobody"])).toEqual({ ts: T + 1n, source: "kraken", price: "5" });
      expect(await last([one, two], [])).toBeNull();
      expect(await last([])).toBeNull();
    });

    it("is refused before the horizon", async () => {
      const pair = freshPair();
      await writeTrades(database, [trade(pair, T + seconds(10))]);
      await withHorizon(T + seconds(1), async () => {
        await expect(last([pair])).rejects.toThrow(RawDataExpired);
      });
      expect(await last([pair])).toMatchObject({ price: "1" });
    });
  });

  it("needs raw trades for totals only at the ends of a window", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T + seconds(30)), trade(pair, T + HOUR), trade(pair, T + 2n * HOUR)]);
    const count = async (from: Micros, to: Micros) => {
      const totals = await ask((reader) => reader.totals([pair], { from, to }));
      return totals.map(({ tradeCount }) => tradeCount);
    };
    await withHorizon(T + 2n * HOUR, async () => {
      expect(await count(T, T + 3n * HOUR)).toEqual([3]);
      expect(await count(T + MINUTE, T + 2n * HOUR + 1n)).toEqual([2]);
      await expect(count(T + 1n, T + 3n * HOUR)).rejects.toThrow(RawDataExpired);
      await expect(count(T, T + HOUR + 1n)).rejects.toThrow(/needs trades from 2026-03-01T11:00:00Z/);
    });
    expect(await count(T + 1n, T + HOUR + 1n)).toEqual([2]);
  });
});
