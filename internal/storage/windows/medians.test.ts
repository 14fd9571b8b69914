import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, priceOf } from "../../../test/model.ts";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { makePair, type Pair } from "../../canonical/pair.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { TradeRow } from "../../canonical/trade.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { readMedians } from "./medians.ts";
import { withSnapshot } from "./snapshot.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const COUNTED = ["binance", "kraken", "sdex"];
const ONE = 10n ** 30n;

interface Amounts {
  readonly base: bigint;
  readonly quote: bigint;
}

/** Returns median and MAD by definition, of prices in integers of 10⁻³⁰. */
function mediansOf(trades: readonly Amounts[]): string[] {
  const twiceMedian = (values: readonly bigint[]): bigint => {
    const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const at = (index: number) => sorted[index] ?? 0n;
    return at(Math.floor((sorted.length - 1) / 2)) + at(Math.floor(sorted.length / 2));
  };
  const prices = trades.map(priceOf);
  const median = twiceMedian(prices) * 5n;
  const distances = prices.map((price) => (price * 10n > median ? price * 10n - median : median - price * 10n));
  return [plain(median, 31n), plain(twiceMedian(distances) * 5n, 32n)];
}

describe.each(enginesOf(testEngines))("medians on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  /** Returns the medians of as many trades as `totals` counts. */
  const medians = (pairs: readonly Pair[], bucket: Bucket, sources: readonly string[] = COUNTED) =>
    withSnapshot(database, async (reader) => {
      const counted = (await reader.totals(pairs, bucket)).filter(({ source }) => sources.includes(source));
      const count = counted.reduce((sum, { tradeCount }) => sum + tradeCount, 0);
      const { median, mad } = await reader.medians(pairs, bucket, sources, count);
      return [formatDecimal(median), formatDecimal(mad)];
    });
  const atPrices = (pair: Pair, prices: readonly (string | number)[], every: Micros): TradeRow[] =>
    prices.map((price, index) =>
      trade(pair, T + BigInt(index) * every, { quote: String(price), tradeId: String(index) }),
    );

  it("equal values computed by hand for one, an odd and an even number of trades", async () => {
    const [one, two, odd, even] = [freshPair(), freshPair(), freshPair(), freshPair()];
    await writeTrades(database, [
      ...atPrices(one, ["7.5"], MINUTE),
      ...atPrices(two, [3, 1], seconds(5)),
      ...atPrices(odd, [4, 1, 100], MINUTE),
      ...atPrices(even, [1, 2, 4, 100], seconds(5)),
    ]);
    const bucket = { from: T, to: T + HOUR };
    expect(await medians([one], bucket)).toEqual(["7.5", "0"]);
    expect(await medians([two], bucket)).toEqual(["2", "1"]);
    // The distances from 4 are 0, 3 and 96.
    expect(await medians([odd], bucket)).toEqual(["4", "3"]);
    // The distances from 3 are 1, 1, 2 and 97.
    expect(await medians([even], bucket)).toEqual(["3", "1.5"]);
  });

  /** The window in the random markets: trades are up to five hours from T. */
  const span = fc
    .oneof(
      fc.record({ from: fc.bigInt({ min: 0n, max: seconds(50) }), length: fc.bigInt({ min: 1n, max: seconds(9) }) }),
      fc.record({ from: fc.bigInt({ min: 0n, max: 9n * MINUTE }), length: fc.bigInt({ min: 1n, max: 4n * MINUTE }) }),
      fc.record({ from: fc.bigInt({ min: 0n, max: HOUR }), length: fc.bigInt({ min: HOUR, max: 4n * HOUR }) }),
      fc.record({ from: fc.constant(0n), length: fc.constantFrom(MINUTE, HOUR, 5n * HOUR) }),
    )
    .map(({ from, length }) => ({ from: T + from, to: T + from + length }));
  const amount = fc.oneof(
    fc.bigInt({ min: 1n, max: 10n ** 70n - 1n }),
    fc.constantFrom(1n, ONE, 10n ** 70n - 1n),
    fc.integer({ min: 1, max: 20 }).map((units) => BigInt(units) * ONE),
  );
  const percent = (least: number, most: number) =>
    fc.integer({ min: least, max: most }).map((price) => ({ base: ONE, quote: BigInt(price) * (ONE / 100n) }));
  const prices = fc.constantFrom<fc.Arbitrary<Amounts>>(
    fc.record({ base: amount, quote: amount }),
    percent(9_900, 10_100),
    percent(9_999, 10_001),
    percent(10_000, 10_000),
    fc.oneof({ weight: 9, arbitrary: percent(9_990, 10_010) }, { weight: 1, arbitrary: percent(1, 10_000_000) }),
  );
  const market = fc.tuple(span, prices).chain(([bucket, amounts]) =>
    fc.record({
      bucket: fc.constant(bucket),
      trades: fc.array(
        fc.record({
          amounts,
          // Times mostly inside the window, including its exact ends, and some outside.
          ts: fc.oneof(
            { weight: 8, arbitrary: fc.bigInt({ min: bucket.from, max: bucket.to }) },
            fc.constantFrom(bucket.from - 1n, bucket.from, bucket.to - 1n, bucket.to),
            fc.bigInt({ min: T, max: T + 5n * HOUR }),
          ),
          market: fc.nat({ max: 2 }),
          source: fc.constantFrom(...COUNTED, ...COUNTED, "coingecko"),
        }),
        { minLength: 1, maxLength: 80, size: "max" },
      ),
    }),
  );

  it("equal those of all trades sorted, over several markets", async () => {
    await fc.assert(
      fc.asyncProperty(market, async ({ bucket, trades }) => {
        const one = freshPair();
        const [two, other] = [makePair(one.base, "crypto:USDC"), makePair(one.base, "fiat:EUR")];
        const pairs = [one, two, other];
        const inside = trades.filter(
          (row) => row.market < 2 && COUNTED.includes(row.source) && row.ts >= bucket.from && row.ts < bucket.to,
        );
        fc.pre(inside.length > 0);
        await writeTrades(
          database,
          trades.map(({ amounts: { base, quote }, ts, market, source }, index) =>
            trade(pairs[market] ?? one, ts, {
              source,
              tradeId: String(index),
              base: plain(base, 30n),
              quote: plain(quote, 30n),
            }),
          ),
        );
        expect(await medians([one, two], bucket)).toEqual(mediansOf(inside.map(({ amounts }) => amounts)));
      }),
      { numRuns: runsOf(40) },
    );
  });

  it("do not depend on the order in which trades arrive", async () => {
    const [forth, back] = [freshPair(), freshPair()];
    const prices = Array.from({ length: 301 }, (_, index) => 1 + ((index * 7919) % 1009));
    await writeTrades(database, atPrices(forth, prices, seconds(13)));
    const reversed = atPrices(back, prices, seconds(13)).reverse();
    for (let start = 0; start < reversed.length; start += 50) {
      await writeTrades(database, reversed.slice(start, start + 50));
    }
    const bucket = { from: T + seconds(20), to: T + HOUR + seconds(7) };
    expect(await medians([back], bucket)).toEqual(await medians([forth], bucket));
  });

  it.each([1, 5_000])("are correct if minutes close far from their other prices, at %i and above", async (far) => {
    const pair = freshPair();
    const prices = Array.from({ length: 600 }, (_, index) =>
      index % 10 === 9 ? far + index / 10 : 90 + ((index * 7) % 21),
    );
    await writeTrades(database, atPrices(pair, prices, seconds(6)));
    const expected = mediansOf(prices.map((price) => ({ base: 10n, quote: BigInt(Math.round(price * 10)) })));
    expect(await medians([pair], { from: T, to: T + HOUR }, ["kraken"])).toEqual(expected);
  });

  it("of thousands of trades equal those of plain SQL", async () => {
    const pair = freshPair();
    // The embedded engine would be slow with more.
    const last = engine.server === null ? 9_999 : 49_999;
    await database.sql`
      INSERT INTO trades (base_asset, quote_asset, ts, source, trade_id, base_amount, quote_amount)
      SELECT ${pair.base}, ${pair.quote}, timestamptz '2026-03-01 10:00:00+00' + n * interval '1 second',
        (array['binance', 'kraken', 'sdex', 'coingecko'])[1 + n % 4], n::text, 3,
        round((100 + sin(n / 5000.0) + (n::bigint * 7919 % 1000) / 10000.0)::numeric, 6)
          * CASE WHEN n % 997 = 0 THEN 1000 ELSE 1 END
      FROM generate_series(0, ${String(last)}::text::int) AS n`;
    for (const bucket of [
      { from: T + seconds(17), to: T + seconds(50_000) },
      { from: T + seconds(4_000), to: T + seconds(33_331) },
    ]) {
      const [plainly] = await database.sql<{ median: string; mad: string }[]>`
        WITH counted AS (
          SELECT price FROM trades
          WHERE base_asset = ${pair.base} AND source = ANY(${COUNTED}::text[])
            AND ts >= to_timestamp(${String(bucket.from / seconds(1))}::text::bigint)
            AND ts < to_timestamp(${String(bucket.to / seconds(1))}::text::bigint)
        ),
        middle AS (SELECT (count(*) + 1) / 2 - 1 AS before, 2 - count(*) % 2 AS length FROM counted),
        median AS (
          SELECT (min(price) + max(price)) * 0.5 AS price FROM (
            SELECT price FROM counted ORDER BY price OFFSET (SELECT before FROM middle) LIMIT (SELECT length FROM middle)
          ) AS two
        )
        SELECT trim_scale(price)::text AS median, (
          SELECT trim_scale((min(distance) + max(distance)) * 0.5)::text FROM (
            SELECT abs(counted.price - median.price) AS distance FROM counted
            ORDER BY 1 OFFSET (SELECT before FROM middle) LIMIT (SELECT length FROM middle)
          ) AS two
        ) AS mad
        FROM median`;
      expect(await medians([pair], bucket)).toEqual([plainly?.median, plainly?.mad]);
    }
  });

  it("need trades and minutes over the whole bucket", async () => {
    const pair = freshPair();
    await writeTrades(database, atPrices(pair, [1, 2, 3], MINUTE));
    const bucket = { from: T - seconds(10), to: T + HOUR };
    const withHorizon = (table: string, completeFrom: Micros) =>
      database.sql.begin(async (sql) => readMedians(sql, new Map([[table, completeFrom]]), [pair], bucket, COUNTED, 3));
    await expect(withHorizon("trades", bucket.from + 1n)).rejects.toThrow(RawDataExpired);
    await expect(withHorizon("trades_1m", T + 1n)).rejects.toThrow(/needs trades_1m from 2026-03-01T10:00:00Z/);
    expect(formatDecimal((await withHorizon("trades", bucket.from)).median)).toBe("2");
    expect(formatDecimal((await withHorizon("trades_1m", T)).median)).toBe("2");
  });

  it("are refused if there are fewer trades than were counted", async () => {
    const pair = freshPair();
    await writeTrades(database, atPrices(pair, [1, 2, 3], MINUTE));
    const ask = (count: number) =>
      withSnapshot(database, (reader) => reader.medians([pair], { from: T, to: T + HOUR }, COUNTED, count));
    await expect(ask(7)).rejects.toThrow("fewer trades than the expected 7");
    await expect(ask(3)).resolves.toBeDefined();
  });
});
