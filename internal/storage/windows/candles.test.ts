import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plain, priceOf } from "../../../test/model.ts";
import { enginesOf } from "../../../test/thoroughness.ts";
import { compareBytes } from "../../canonical/compare.ts";
import { type Decimal, formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, parseTime, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import type { CandlePage, CandleQuery, CandleSums } from "../../policy/candles/candles.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "./snapshot.ts";

const START = parseTime("2026-01-10T00:00:00Z");
const DAY = seconds(86_400);
const RANGE = { from: START, to: START + 2n * DAY };

describe.each(enginesOf(testEngines))("candles on $name", (engine) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });

  afterAll(() => database.drop());

  const raw = (question: CandleQuery) => withSnapshot(database, (reader) => reader.rawCandles(question));

  test("equal a computation from single trades in their order, on every page", { timeout: 120_000 }, async () => {
    const anyTrade = fc.record({
      // Few timestamps, so that many trades share one and some candles are adjacent.
      second: fc
        .record({ hour: fc.constantFrom(0, 1, 4, 47), minute: fc.integer({ min: 0, max: 4 }) })
        .map(({ hour, minute }) => hour * 3600 + minute * 60),
      source: fc.constantFrom("kraken", "binance", "coingecko"),
      tradeId: fc.constantFrom("1", "2", "10", "é"),
      isAlias: fc.boolean(),
      base: fc.integer({ min: 1, max: 9 }),
      quote: fc.integer({ min: 1, max: 99 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(anyTrade, {
          selector: ({ second, source, tradeId, isAlias }) => `${second} ${source} ${tradeId} ${isAlias}`,
          maxLength: 80,
          size: "max",
        }),
        fc.constantFrom(60, 300, 1800, 3600, 4 * 3600, 86_400, 2 * 86_400),
        fc.integer({ min: 1, max: 20 }),
        async (drawn, intervalSeconds, limit) => {
          const pair = freshPair();
          const alias = freshPair();
          const rows = drawn.map(({ second, source, tradeId, isAlias, base, quote }) =>
            trade(isAlias ? alias : pair, START + seconds(second), {
              source,
              tradeId,
              base: String(base),
              quote: String(quote),
            }),
          );
          await writeTrades(database, rows);
          const range = {
            from: floorTo(START, seconds(intervalSeconds)),
            to: floorTo(RANGE.to, seconds(intervalSeconds)),
          };
          const counted = rows.filter(({ source, ts }) => source !== "coingecko" && ts < range.to);
          const expected = candlesOf(counted, [pair, alias], intervalSeconds);
          const got: CandleSums[] = [];
          let from: bigint | null = range.from;
          while (from !== null) {
            const page: CandlePage = await raw({
              pairs: [pair, alias],
              sources: ["binance", "kraken"],
              intervalSeconds,
              range: { from, to: range.to },
              limit,
            });
            expect(page.candles.length).toBeLessThanOrEqual(limit);
            if (from !== range.from) expect(page.candles[0]?.from).toBe(from);
            got.push(...page.candles);
            from = page.next;
          }
          expect(got.map(written)).toEqual(expected.map(written));
        },
      ),
      { numRuns: engine.server === null ? 15 : 60 },
    );
  });

  test("are refused with the name of the table if the rollups do not reach back far enough", async () => {
    await database.sql`UPDATE retention_horizons SET complete_from = '2026-01-11' WHERE table_name = 'trades_1m'`;
    const question = { pairs: [freshPair()], sources: null, range: RANGE, limit: 10 };
    await expect(raw({ ...question, intervalSeconds: 300 })).rejects.toThrow("this needs trades_1m");
    expect(await raw({ ...question, intervalSeconds: 3600 })).toEqual({ candles: [], next: null });
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
  });
});

function candlesOf(rows: readonly TradeRow[], pairs: readonly Pair[], intervalSeconds: number): CandleSums[] {
  const marketOf = (row: TradeRow) => pairs.findIndex(({ base }) => base === row.base);
  const ordered = [...rows].sort(
    (a, b) =>
      Number(a.ts - b.ts) ||
      compareBytes(a.source, b.source) ||
      [...a.tradeId].length - [...b.tradeId].length ||
      compareBytes(a.tradeId, b.tradeId) ||
      compareBytes(a.base, b.base) ||
      marketOf(a) - marketOf(b),
  );
  const candles = new Map<bigint, CandleSums>();
  for (const { ts, baseAmount, quoteAmount } of ordered) {
    const from = floorTo(ts, seconds(intervalSeconds));
    const units = (amount: Decimal): bigint => BigInt(amount.toFixed(30).replace(".", ""));
    const price = parseDecimal(plain(priceOf({ base: units(baseAmount), quote: units(quoteAmount) }), 30n));
    const before = candles.get(from);
    candles.set(from, {
      from,
      open: before?.open ?? price,
      high: before?.high.greaterThan(price) ? before.high : price,
      low: before?.low.lessThan(price) ? before.low : price,
      close: price,
      baseVolume: (before?.baseVolume ?? parseDecimal("0")).plus(baseAmount),
      quoteVolume: (before?.quoteVolume ?? parseDecimal("0")).plus(quoteAmount),
      tradeCount: (before?.tradeCount ?? 0) + 1,
    });
  }
  return [...candles.values()];
}

function written({ from, open, high, low, close, baseVolume, quoteVolume, tradeCount }: CandleSums) {
  return [String(from), tradeCount, ...[open, high, low, close, baseVolume, quoteVolume].map(formatDecimal)].join(" ");
}
