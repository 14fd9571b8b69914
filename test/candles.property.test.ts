import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApiDatabase, openTestApi } from "../internal/api/v1/api.testing.ts";
import { HOUR, MINUTE } from "../internal/canonical/bucket.ts";
import { parseDecimal } from "../internal/canonical/decimal.ts";
import { formatPair, makePair } from "../internal/canonical/pair.ts";
import { formatTime, parseTime } from "../internal/canonical/time.ts";
import type { TestDatabase } from "../internal/storage/connection/database.testing.ts";
import { writeTrades } from "../internal/storage/trades/trades.ts";
import { plain } from "./model.ts";
import { type ModelCandles, modelCandles } from "./model-candles.ts";
import type { ModelTrade } from "./model-trades.ts";
import { runsOf } from "./thoroughness.ts";

/** Start of the page: within an hour if candles are shorter than an hour. */
const startOf = (interval: bigint) => parseTime("2026-03-01T10:00:00Z") + (interval < HOUR ? 30n * MINUTE : 0n);
const PAGE = 24;
const UNIT = 10n ** 30n;
const VENUES = ["binance", "bitstamp", "coinbase", "kraken", "sdex"];
const DEFAULTS: Omit<ModelCandles, "interval"> = {
  k: [4n, 1n],
  maxDropped: [1n, 2n],
  venueDeviation: [10n, 1n],
  guardFactor: [2n, 1n],
  confirmations: 2,
  minUsd: 1000n,
};

/** A trade some parts of an interval after the start of the page, at a price in thousandths of the market's. */
const calm = fc.record({
  at: fc.integer({ min: 0, max: PAGE * 10 - 1 }),
  source: fc.constantFrom(...VENUES),
  thousandths: fc.integer({ min: 970, max: 1030 }),
  size: fc.constantFrom(1n, 20n, 3000n, 90_000n),
});
/** Mistyped prices, deviating venues, and trades so small that rounding determines their price. */
const odd = fc.oneof(
  fc.record({
    at: fc.integer({ min: 0, max: PAGE * 10 - 1 }),
    source: fc.constantFrom(...VENUES),
    thousandths: fc.constantFrom(10, 108, 700, 890, 1120, 1900, 2200, 5000, 100_000),
    size: fc.constantFrom(1n, 20n, 3000n, 90_000n),
  }),
  fc.record({
    at: fc.integer({ min: 0, max: PAGE * 10 - 1 }),
    source: fc.constant("sdex"),
    thousandths: fc.constantFrom(1000, 3000, 10_000),
    stroops: fc.integer({ min: 1, max: 2500 }),
  }),
);
/** Trades of the day before the page, by minutes. */
const earlier = fc.record({
  minutesBefore: fc.integer({ min: 1, max: 1500 }),
  source: fc.constantFrom(...VENUES),
  thousandths: fc.constantFrom(980, 1000, 1020, 1000, 300, 5000),
  size: fc.constantFrom(1n, 20n, 3000n),
});
type Print = {
  /** Tenths of an interval after the start of the page. */
  readonly at?: number;
  readonly minutesBefore?: number;
  readonly source: string;
  readonly thousandths: number;
  readonly size?: bigint;
  readonly stroops?: number;
};

function tradeOf(print: Print, index: number, interval: bigint): ModelTrade {
  const base = print.size === undefined ? BigInt(print.stroops ?? 0) * 10n ** 23n : print.size * UNIT;
  return {
    ts: startOf(interval) + (BigInt(print.at ?? 0) * interval) / 10n - BigInt(print.minutesBefore ?? 0) * MINUTE,
    source: print.source,
    id: String(index),
    base,
    quote: (base * BigInt(print.thousandths)) / 1000n,
  };
}

describe("a page of candles", () => {
  let database: TestDatabase;
  let cases = 0;
  beforeAll(async () => {
    database = await openApiDatabase();
  });
  afterAll(() => database?.drop());

  async function page(trades: readonly ModelTrade[], interval: bigint): Promise<object[]> {
    cases++;
    const pair = makePair(`crypto:P${cases}`, "fiat:USD");
    await writeTrades(
      database,
      trades.map(({ ts, source, id = "", base, quote }) => ({
        ...pair,
        ts,
        source,
        tradeId: id,
        baseAmount: parseDecimal(plain(base, 30n)),
        quoteAmount: parseDecimal(plain(quote, 30n)),
      })),
    );
    const api = openTestApi({ database, policy: { min_usd_volume: Number(DEFAULTS.minUsd) } });
    const start = startOf(interval);
    api.at(start + 3n * BigInt(PAGE) * HOUR);
    const until = formatTime(start + BigInt(PAGE) * interval);
    const query = `interval=${interval / 1_000_000n}s&from=${formatTime(start)}&to=${until}&limit=1000`;
    const { status, body } = await api.get(`/v1/ohlc?pair=${formatPair(pair)}&${query}`);
    expect({ status, next: body.data?.next }).toEqual({ status: 200, next: null });
    return body.data.candles;
  }

  it.each([
    ["one minute", MINUTE],
    ["an hour", HOUR],
    ["15 minutes", 15n * MINUTE],
  ])("of %s equals a computation from every trade of each candle", async (_what, interval) => {
    const prints = fc.tuple(
      fc.array(calm, { minLength: 20, maxLength: 140 }),
      fc.oneof(fc.array(odd, { maxLength: 1 }), fc.array(odd, { maxLength: 12 })),
      fc.array(earlier, { maxLength: 12 }),
    );
    await fc.assert(
      fc.asyncProperty(prints, async ([calmOnes, oddOnes, earlierOnes]) => {
        const trades = [...calmOnes, ...oddOnes, ...earlierOnes].map((print, index) => tradeOf(print, index, interval));
        const from = startOf(interval);
        expect(await page(trades, interval)).toEqual(modelCandles(trades, { ...DEFAULTS, interval, from }));
      }),
      { numRuns: runsOf(25) },
    );
  });

  it("with one outlier among calm candles drops it from its own candle only", async () => {
    const calmOnes = Array.from({ length: PAGE * 5 }, (_, at) => ({
      at: at * 2,
      source: VENUES[at % 4] as string,
      thousandths: 995 + (at % 11),
      size: 20n,
    }));
    const spike = { at: 123, source: "kraken", thousandths: 100_000, size: 3000n };
    const without = await page(
      calmOnes.map((print, index) => tradeOf(print, index, MINUTE)),
      MINUTE,
    );
    const trades = [...calmOnes, spike].map((print, index) => tradeOf(print, index, MINUTE));
    const withSpike = await page(trades, MINUTE);
    expect(withSpike).toEqual(modelCandles(trades, { ...DEFAULTS, interval: MINUTE }));
    expect(withSpike).toHaveLength(PAGE);
    for (const [index, candle] of withSpike.entries()) {
      if (index !== 12) expect(candle).toEqual(without[index]);
    }
    const pricesOf = ({ open, high, low, close }: Record<string, unknown>) => ({ open, high, low, close });
    expect(withSpike[12]).toMatchObject({ trade_count: 6 });
    expect(Number(pricesOf(withSpike[12] as Record<string, unknown>).high)).toBeLessThan(1.01);
  });
});
