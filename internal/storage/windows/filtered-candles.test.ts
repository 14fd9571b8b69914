import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, priceOf } from "../../../test/model.ts";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { floorTo, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { CandlePrices } from "../../policy/candles/candles.ts";
import type { TradeReader } from "../../policy/reader.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { readOnly } from "../connection/read-only.ts";
import type { Horizons } from "../retention/horizons.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import {
  anyPlainFilter,
  anySize,
  filterOf,
  formsPlainPrice,
  inOrder,
  isPlainlyInside,
  type PlainTrade,
} from "./price-filter.testing.ts";
import { readerOf } from "./snapshot.ts";

const T = parseTime("2026-03-01T00:00:00Z");
const NO_HORIZON: Horizons = new Map();

describe.each(enginesOf(testEngines))("candles for the policy on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const ask = <Answer>(horizons: Horizons, question: (reader: TradeReader) => Promise<Answer>): Promise<Answer> =>
    readOnly(database, (sql, _, now) => question(readerOf(sql, horizons, now)));

  const anyTrade = fc.record({
    market: fc.nat({ max: 1 }),
    minute: fc.constantFrom(0, 1, 4, 29, 59, 60, 61, 119, 179),
    second: fc.constantFrom(0, 0, 30, 59),
    source: fc.constantFrom("binance", "coingecko", "kraken", "sdex"),
    tradeId: fc.constantFrom("1", "2", "10", "é"),
    size: anySize,
    percent: fc.oneof(
      { weight: 8, arbitrary: fc.bigInt({ min: 98n, max: 102n }) },
      { weight: 1, arbitrary: fc.constantFrom(1n, 50n, 200n, 10_000n) },
    ),
  });
  const anyTrades = fc.uniqueArray(anyTrade, {
    selector: ({ market, minute, second, source, tradeId }) => `${market} ${minute} ${second} ${source} ${tradeId}`,
    maxLength: 60,
    size: "max",
  });

  /** Writes the trades into two new markets; they are passed in trade order. */
  async function written(drawn: readonly (typeof anyTrade extends fc.Arbitrary<infer Drawn> ? Drawn : never)[]) {
    const markets = [freshPair(), freshPair()] as const;
    const rows: PlainTrade[] = drawn
      .map(({ market, minute, second, source, tradeId, size, percent }) => ({
        pair: markets[market as 0 | 1],
        ts: T + BigInt(minute) * MINUTE + seconds(second),
        source,
        tradeId,
        base: size,
        quote: (size * percent) / 100n,
      }))
      .sort(inOrder);
    await writeTrades(
      database,
      rows.map(({ pair, ts, source, tradeId, base, quote }) =>
        trade(pair, ts, { source, tradeId, base: plain(base, 30n), quote: plain(quote, 30n) }),
      ),
    );
    return { markets, rows };
  }

  const decimal = (units: bigint | undefined) => plain(units ?? 0n, 30n);
  const total = (rows: readonly PlainTrade[], of: (row: PlainTrade) => bigint) =>
    rows.reduce((all, row) => all + of(row), 0n);
  /** Returns open, high, low and close of trades in trade order, as text. */
  function plainPrices(rows: readonly PlainTrade[]): string[] | null {
    if (rows.length === 0) return null;
    const prices = rows.map(priceOf);
    const sorted = prices.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
    return [prices[0], sorted.at(-1), sorted[0], prices.at(-1)].map(decimal);
  }
  const shown = (prices: CandlePrices | null) =>
    prices && [prices.open, prices.high, prices.low, prices.close].map(formatDecimal);

  const anyBucket = fc.constantFrom<readonly [number, number]>([0, 1], [0, 5], [0, 60], [60, 180], [0, 180], [30, 90]);

  it("filtered ones equal a computation from every trade", async () => {
    const question = fc.record({
      drawn: anyTrades,
      asked: fc.array(
        fc.record({
          minutes: anyBucket,
          filter: anyPlainFilter,
          sources: fc.constantFrom<string[]>(["kraken"], ["binance", "kraken", "sdex"], ["binance", "sdex"], []),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      horizons: fc.oneof(
        { weight: 3, arbitrary: fc.constant(NO_HORIZON) },
        fc
          .tuple(fc.constantFrom("trades", "trades_1m", "trades_1h"), fc.constantFrom(0, 1, 5, 60, 180))
          .map(([table, minute]): Horizons => new Map([[table, T + BigInt(minute) * MINUTE]])),
        fc.constant<Horizons>(
          new Map([
            ["trades", T + HOUR],
            ["trades_1m", T + 2n * HOUR],
          ]),
        ),
      ),
    });
    await fc.assert(
      fc.asyncProperty(question, async ({ drawn, asked, horizons }) => {
        const { markets, rows } = await written(drawn);
        const expected = asked.map(({ minutes: [first, past], filter, sources }) => {
          const bucket = { from: T + BigInt(first) * MINUTE, to: T + BigInt(past) * MINUTE };
          const counted = rows.filter(
            ({ ts, source }) => ts >= bucket.from && ts < bucket.to && sources.includes(source),
          );
          const passing = counted.filter((row) => isPlainlyInside(row, filter, counted));
          if (
            isExpired(
              horizons,
              bucket,
              counted.filter((row) => !passing.includes(row)),
            )
          )
            return "expired";
          return [
            plainPrices(passing.filter(formsPlainPrice)),
            passing.length,
            decimal(total(passing, ({ base }) => base)),
            decimal(total(passing, ({ quote }) => quote)),
          ];
        });
        const questions = await ask(NO_HORIZON, (reader) =>
          Promise.all(
            asked.map(async ({ minutes: [first, past], filter, sources }) => {
              const bucket = { from: T + BigInt(first) * MINUTE, to: T + BigInt(past) * MINUTE };
              return { bucket, sources, filter: await filterOf(reader, filter, { pairs: markets, bucket, sources }) };
            }),
          ),
        );
        const got = await ask(horizons, (reader) =>
          Promise.all(
            questions.map(async ({ bucket, sources, filter }) => {
              try {
                const candle = await reader.filteredCandle(markets, bucket, sources, filter);
                const volumes = [candle.baseVolume, candle.quoteVolume].map(formatDecimal);
                return [shown(candle.prices), candle.tradeCount, ...volumes];
              } catch (error) {
                if (!(error instanceof RawDataExpired)) throw error;
                return "expired";
              }
            }),
          ),
        );
        expect(got).toEqual(expected);
      }),
      { numRuns: runsOf(60) },
    );
  });

  /** Whether retention has removed trades that a candle needs if these trades do not pass. */
  function isExpired(horizons: Horizons, bucket: Bucket, outside: readonly PlainTrade[]): boolean {
    const inHours = bucket.from % HOUR === 0n && bucket.to % HOUR === 0n;
    const minutesFrom = horizons.get("trades_1m") ?? 0n;
    if (bucket.from < (horizons.get("trades_1h") ?? 0n) && inHours) return true;
    if (bucket.from < minutesFrom && !inHours) return true;
    return outside.some(({ ts }) => {
      const hour = floorTo(ts, HOUR);
      return (hour < minutesFrom ? hour : floorTo(ts, MINUTE)) < (horizons.get("trades") ?? 0n);
    });
  }

  it("totals contain the sums of all trades, and the prices of those that form one", async () => {
    const intervals = fc.constantFrom(60, 300, 3600, 2 * 3600, 86_400);
    await fc.assert(
      fc.asyncProperty(anyTrades, intervals, async (drawn, intervalSeconds) => {
        const { markets, rows } = await written(drawn);
        const counted = rows.filter(({ source }) => source !== "coingecko");
        const interval = seconds(intervalSeconds);
        const starts = [...new Set(counted.map(({ ts }) => floorTo(ts, interval)))];
        const expected = starts.map((from) => {
          const inside = counted.filter(({ ts }) => floorTo(ts, interval) === from);
          const prices = inside.map(priceOf).sort((a, b) => (a < b ? -1 : Number(a > b)));
          return [
            from,
            inside.length,
            inside.filter((row) => !formsPlainPrice(row)).length,
            decimal(total(inside, ({ base }) => base)),
            decimal(total(inside, ({ quote }) => quote)),
            decimal(total(inside, priceOf)),
            plain(
              total(inside, (row) => priceOf(row) ** 2n),
              60n,
            ),
            decimal(prices[0]),
            decimal(prices.at(-1)),
            plainPrices(inside.filter(formsPlainPrice)),
          ];
        });
        const sources = ["binance", "kraken", "sdex"];
        const range = { from: T, to: T + seconds(86_400) };
        const question = { pairs: markets, sources, intervalSeconds, range, limit: 1000 };
        const { candles } = await ask(NO_HORIZON, (reader) => reader.candles(question));
        expect(
          candles.map((candle) => [
            candle.from,
            candle.tradeCount,
            candle.impreciseCount,
            ...[candle.baseVolume, candle.quoteVolume, candle.priceSum, candle.priceSquareSum].map(formatDecimal),
            ...[candle.priceMin, candle.priceMax].map(formatDecimal),
            shown(candle.prices),
          ]),
        ).toEqual(expected);
      }),
      { numRuns: runsOf(40) },
    );
  });

  describe("if rollups lack the columns about trades that form a price", () => {
    const minute = { from: T, to: T + MINUTE };
    const hour = { from: T, to: T + HOUR };
    const PLAIN = { rule: null, band: null };
    let pair: Pair;
    beforeAll(async () => {
      pair = freshPair();
      await writeTrades(database, [
        trade(pair, T, { quote: "3" }),
        trade(pair, T + seconds(1), { base: "0.000001", quote: "0.001", tradeId: "2" }),
        trade(pair, T + seconds(90), { quote: "4" }),
      ]);
      await database.sql`
        UPDATE trades_1m SET imprecise_count = NULL, forming_open_ts = NULL, forming_open_trade_id = NULL,
          forming_open_price = NULL, forming_high_price = NULL, forming_low_price = NULL, forming_close_ts = NULL,
          forming_close_trade_id = NULL, forming_close_price = NULL
        WHERE base_asset = ${pair.base} AND bucket = to_timestamp(${String(T / 1_000_000n)}::text::bigint)`;
    });

    it("totals have no prices, and filtered ones are computed from trades", async () => {
      const range = { from: T, to: T + HOUR };
      const { candles } = await ask(NO_HORIZON, (reader) =>
        reader.candles({ pairs: [pair], sources: null, intervalSeconds: 60, range, limit: 10 }),
      );
      expect(candles.map(({ impreciseCount, prices }) => [impreciseCount, shown(prices)])).toEqual([
        [null, null],
        [0, ["4", "4", "4", "4"]],
      ]);
      const { prices, tradeCount } = await ask(NO_HORIZON, (reader) =>
        reader.filteredCandle([pair], minute, ["kraken"], PLAIN),
      );
      expect([shown(prices), tradeCount]).toEqual([["3", "3", "3", "3"], 2]);
    });

    it("filtered ones are refused after the trades were removed, others are not", async () => {
      const filtered = (bucket: Bucket, completeFrom: Micros, high: string) =>
        ask(new Map([["trades", completeFrom]]), (reader) =>
          reader.filteredCandle([pair], bucket, ["kraken"], {
            rule: null,
            band: { low: parseDecimal("0"), high: parseDecimal(high) },
          }),
        );
      await expect(filtered(minute, T + HOUR, "5000")).rejects.toThrow(/needs trades from 2026-03-01T00:00:00Z/);
      // The hour has these columns, and all of its prices pass.
      expect(shown((await filtered(hour, T + HOUR, "5000")).prices)).toEqual(["3", "4", "3", "4"]);
      await expect(filtered(hour, T + HOUR, "5")).rejects.toThrow(RawDataExpired);
      expect(shown((await filtered(hour, T, "5")).prices)).toEqual(["3", "4", "3", "4"]);
    });
  });
});
