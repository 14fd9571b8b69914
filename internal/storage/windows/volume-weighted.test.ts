import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, priceOf } from "../../../test/model.ts";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { type Bucket, HOUR, MINUTE } from "../../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { makePair, type Pair } from "../../canonical/pair.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { outlierBand, sigmaRule } from "../../policy/outliers/outliers.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { withReplay } from "../replay/replay.ts";
import { freshPair, trade } from "../trades/trades.testing.ts";
import { writeTrades } from "../trades/trades.ts";
import { withSnapshot } from "./snapshot.ts";

const T = parseTime("2026-03-01T10:00:00Z");
const COUNTED = ["binance", "kraken", "sdex"];
const ONE = 10n ** 30n;

interface Amounts {
  readonly base: bigint;
  readonly quote: bigint;
}

/** Returns Σq, Σq·p and Σq·p² of amounts and prices in integers of 10⁻³⁰. */
function statisticsOf(trades: readonly Amounts[]): string[] {
  return [0, 1, 2].map((power) => {
    const terms = trades.map((row) => row.quote * priceOf(row) ** BigInt(power));
    return plain(
      terms.reduce((all, term) => all + term, 0n),
      30n * BigInt(1 + power),
    );
  });
}

/** Returns the weighted median and the weighted MAD by definition, trade by trade. */
function mediansOf(trades: readonly Amounts[]): string[] {
  const twiceTheMiddle = (values: readonly { at: bigint; weight: bigint }[]): bigint => {
    const sorted = values.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    const total = sorted.reduce((all, { weight }) => all + weight, 0n);
    const upTo = (price: bigint) => sorted.reduce((all, { at, weight }) => (at <= price ? all + weight : all), 0n);
    const median = sorted.find(({ at }) => 2n * upTo(at) >= total)?.at ?? 0n;
    const next = sorted.find(({ at }) => at > median)?.at ?? 0n;
    return 2n * upTo(median) === total ? median + next : 2n * median;
  };
  const prices = trades.map((row) => ({ at: priceOf(row), weight: row.quote }));
  const median = twiceTheMiddle(prices) * 5n;
  const distances = prices.map(({ at, weight }) => ({
    at: at * 10n > median ? at * 10n - median : median - at * 10n,
    weight,
  }));
  return [plain(median, 31n), plain(twiceTheMiddle(distances) * 5n, 32n)];
}

describe.each(enginesOf(testEngines))("statistics weighted by quote volume on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  const statistics = (pairs: readonly Pair[], bucket: Bucket, sources = COUNTED) =>
    withSnapshot(database, async (reader) => {
      const { weight, sum, squareSum } = await reader.weightedStatistics(pairs, bucket, sources);
      return [weight, sum, squareSum].map(formatDecimal);
    });
  const medians = (pairs: readonly Pair[], bucket: Bucket, sources = COUNTED) =>
    withSnapshot(database, async (reader) => {
      const { median, mad } = await reader.weightedMedians(pairs, bucket, sources);
      return [median, mad].map(formatDecimal);
    });

  /** Returns a trade of one base unit per price, so that its weight equals its price. */
  async function market(prices: readonly number[]): Promise<Pair> {
    const pair = freshPair();
    await writeTrades(
      database,
      prices.map((price, index) => trade(pair, T + BigInt(index) * MINUTE, { quote: `${price}`, tradeId: `${index}` })),
    );
    return pair;
  }

  it("equal values computed by hand", async () => {
    const bucket = { from: T, to: T + HOUR };
    const pair = await market([1, 2, 3]);
    expect(await statistics([pair], bucket)).toEqual(["6", "14", "36"]);
    // Half of the volume of 6 is at 1 and 2; half of the weighted distances from 2.5 is at 0.5.
    expect(await medians([pair], bucket)).toEqual(["2.5", "0.5"]);
    // The distances from 4 are 3 (weight 1), 2 (weight 2) and 0 (weight 4).
    expect(await medians([await market([1, 2, 4])], bucket)).toEqual(["4", "0"]);
    // One large trade outweighs many small ones.
    expect(await medians([await market([0.1, 0.1, 0.1, 0.1, 5])], bucket)).toEqual(["5", "0"]);
    expect(await medians([await market([7])], bucket)).toEqual(["7", "0"]);
  });

  it("of no trades are a weight of 0, and no median", async () => {
    const pair = await market([1]);
    expect(await statistics([pair], { from: T, to: T + HOUR }, ["sdex"])).toEqual(["0", "0", "0"]);
    expect(await statistics([], { from: T, to: T + HOUR })).toEqual(["0", "0", "0"]);
    await expect(medians([pair], { from: T, to: T + HOUR }, ["sdex"])).rejects.toThrow("there are no trades");
  });

  const span = fc
    .oneof(
      fc.record({ from: fc.bigInt({ min: 0n, max: seconds(50) }), length: fc.bigInt({ min: 1n, max: seconds(9) }) }),
      fc.record({ from: fc.bigInt({ min: 0n, max: HOUR }), length: fc.bigInt({ min: HOUR, max: 4n * HOUR }) }),
      fc.record({ from: fc.constant(0n), length: fc.constantFrom(MINUTE, HOUR, 5n * HOUR) }),
    )
    .map(({ from, length }) => ({ from: T + from, to: T + from + length }));
  const amount = fc.oneof(
    fc.bigInt({ min: 1n, max: 10n ** 70n - 1n }),
    fc.constantFrom(1n, ONE, 10n ** 70n - 1n),
    fc.integer({ min: 1, max: 4 }).map((units) => BigInt(units) * ONE),
  );
  const few = fc.record({ base: fc.constantFrom(ONE, 2n * ONE), quote: fc.constantFrom(ONE, 2n * ONE, 4n * ONE) });
  const cases = fc.tuple(span, fc.constantFrom(fc.record({ base: amount, quote: amount }), few)).chain(([bucket, of]) =>
    fc.record({
      bucket: fc.constant(bucket),
      trades: fc.array(
        fc.record({
          amounts: of,
          ts: fc.oneof(
            { weight: 8, arbitrary: fc.bigInt({ min: bucket.from, max: bucket.to }) },
            fc.constantFrom(bucket.from - 1n, bucket.from, bucket.to - 1n, bucket.to),
            fc.bigInt({ min: T, max: T + 5n * HOUR }),
          ),
          market: fc.nat({ max: 2 }),
          source: fc.constantFrom(...COUNTED, ...COUNTED, "coingecko"),
        }),
        { minLength: 1, maxLength: 40, size: "max" },
      ),
    }),
  );

  it("equal sums over every trade, over several markets", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ bucket, trades }) => {
        const one = freshPair();
        const [two, other] = [makePair(one.base, "crypto:USDC"), makePair(one.base, "fiat:EUR")];
        const inside = trades
          .filter(
            (row) => row.market < 2 && COUNTED.includes(row.source) && row.ts >= bucket.from && row.ts < bucket.to,
          )
          .map(({ amounts }) => amounts);
        await writeTrades(
          database,
          trades.map(({ amounts: { base, quote }, ts, market: index, source }, id) =>
            trade([one, two, other][index] ?? one, ts, {
              source,
              tradeId: `${id}`,
              base: plain(base, 30n),
              quote: plain(quote, 30n),
            }),
          ),
        );
        expect(await statistics([one, two], bucket)).toEqual(statisticsOf(inside));
        if (inside.length > 0) expect(await medians([one, two], bucket)).toEqual(mediansOf(inside));
      }),
      { numRuns: runsOf(40) },
    );
  });

  it("decide which trades are outliers, in every kind of search", async () => {
    // Nine small trades of thirteen are far from the price of nearly all volume.
    const pair = await market([1, ...Array.from({ length: 9 }, () => 0.09)]);
    await writeTrades(
      database,
      Array.from({ length: 3 }, (_, index) =>
        trade(pair, T + seconds(index), { source: "sdex", tradeId: `${index}`, base: "1000000", quote: "1000000.5" }),
      ),
    );
    const bucket = { from: T, to: T + HOUR };
    const found = await withSnapshot(database, async (reader) => {
      const weighted = await reader.weightedStatistics([pair], bucket, COUNTED);
      const rule = sigmaRule(weighted, parseDecimal("4"));
      const band = rule && outlierBand(rule);
      if (rule === null || band === null) throw new Error("there is a rule");
      const question = { sources: COUNTED, band, rule };
      return Promise.all(
        // Few trades are searched minute by minute, many by reading the window.
        [13, 1e6].map((tradeCount) => reader.outliers([pair], bucket, { ...question, tradeCount }, 100)),
      );
    });
    for (const { volumes } of found) expect(volumes).toMatchObject([{ source: "kraken", tradeCount: 9 }]);
  });

  it("are the same in a replay", async () => {
    const pair = await market([1, 2, 3]);
    const bucket = { from: T, to: T + HOUR };
    const replayed = await withReplay(database, { pairs: [pair], span: bucket }, async (reader) => {
      const { weight } = await reader.weightedStatistics([pair], bucket, COUNTED);
      return [weight, (await reader.weightedMedians([pair], bucket, COUNTED)).median].map(formatDecimal);
    });
    expect(replayed).toEqual(["6", "2.5"]);
  });

  describe("if rollups are older than the weighted sums", () => {
    /** Writes hours from 10:00 and 11:00 with a trade each; the sums of the first one are unknown. */
    async function oldMarket(): Promise<Pair> {
      const pair = freshPair();
      await writeTrades(database, [
        trade(pair, T + MINUTE, { quote: "2" }),
        trade(pair, T + HOUR, { quote: "3" }),
        trade(pair, T, { source: "nobody" }),
      ]);
      for (const table of ["trades_1m", "trades_1h"]) {
        await database.sql`
          UPDATE ${database.sql(table)} SET quote_price_sum = NULL, quote_price_square_sum = NULL, imprecise_count = NULL
          WHERE base_asset = ${pair.base} AND bucket < '2026-03-01 11:00Z'`;
      }
      return pair;
    }
    async function completeFrom(time: Micros, work: () => Promise<void>): Promise<void> {
      const set = (epoch: string) => database.sql`
        UPDATE retention_horizons SET complete_from = to_timestamp(${epoch}::text::double precision)
        WHERE table_name = 'trades'`;
      await set(String(time / seconds(1)));
      await work().finally(() => set("-infinity"));
    }

    it("the trades are read while they exist", async () => {
      const pair = await oldMarket();
      expect(await statistics([pair], { from: T, to: T + 2n * HOUR })).toEqual(["5", "13", "35"]);
      expect(await statistics([pair], { from: T + MINUTE, to: T + 2n * MINUTE })).toEqual(["2", "4", "8"]);
    });

    it("a window that needs removed trades is refused, and others are answered", async () => {
      const pair = await oldMarket();
      await completeFrom(T + HOUR, async () => {
        const refused = statistics([pair], { from: T, to: T + 2n * HOUR });
        await expect(refused).rejects.toThrow(RawDataExpired);
        await expect(refused).rejects.toThrow(
          "rollups from 2026-03-01T10:00:00Z to 2026-03-01T12:00:00Z are older than migration 6 and lack sums weighted by quote volume; this needs trades from 2026-03-01T10:00:00Z, but rows before 2026-03-01T11:00:00Z have been removed",
        );
        expect(await statistics([pair], { from: T + HOUR, to: T + 2n * HOUR })).toEqual(["3", "9", "27"]);
        // The sums of a source that is not requested may be unknown.
        expect(await statistics([pair], { from: T, to: T + 2n * HOUR }, ["sdex"])).toEqual(["0", "0", "0"]);
        await expect(medians([pair], { from: T, to: T + 2n * HOUR })).rejects.toThrow(/needs trades from/);
      });
    });

    it("rollups with these sums are used without the trades", async () => {
      const pair = await market([1, 2, 3]);
      await completeFrom(T + 2n * HOUR, async () => {
        expect(await statistics([pair], { from: T, to: T + HOUR })).toEqual(["6", "14", "36"]);
      });
    });
  });
});
