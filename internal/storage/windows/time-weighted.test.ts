import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, priceOf } from "../../../test/model.ts";
import { enginesOf, runsOf } from "../../../test/thoroughness.ts";
import { HOUR } from "../../canonical/bucket.ts";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import type { Pair } from "../../canonical/pair.ts";
import { type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { PriceFilter, TradeReader } from "../../policy/reader.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { readOnly } from "../connection/read-only.ts";
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

const T = parseTime("2026-03-01T10:00:00Z");
const BUCKET = { from: T, to: T + seconds(100) };
const PLAIN: PriceFilter = { rule: null, band: null };

describe.each(enginesOf(testEngines))("filtered prices on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
  });
  afterAll(() => database.drop());

  /** Queries as if raw trades were complete only from a time on. */
  const askFrom = <T>(completeFrom: Micros | null, question: (reader: TradeReader) => Promise<T>): Promise<T> =>
    readOnly(database, (sql, _, now) =>
      question(readerOf(sql, new Map(completeFrom === null ? [] : [["trades", completeFrom]]), now)),
    );
  const sums = (pair: Pair, filter: PriceFilter | null, carrySeconds = 3600, completeFrom: Micros | null = null) =>
    askFrom(completeFrom, async (reader) => {
      const selection = { sources: ["kraken"], filter, carrySeconds };
      const { weightedSum, duration, tradeCount } = await reader.timeWeighted([pair], BUCKET, selection);
      return [formatDecimal(weightedSum), duration, tradeCount];
    });

  it("equal values computed by hand: 5 carried in for 10 s, 2 for 30 s, 8 for 60 s", async () => {
    const pair = freshPair();
    await writeTrades(database, [
      trade(pair, T - seconds(60), { quote: "5" }),
      trade(pair, T - seconds(30), { base: "0.00000001", quote: "0.00000007" }),
      trade(pair, T + seconds(10), { quote: "2" }),
      trade(pair, T + seconds(20), { base: "0.0000001", quote: "0.000001" }),
      trade(pair, T + seconds(30), { quote: "100" }),
      trade(pair, T + seconds(40), { quote: "8" }),
    ]);
    const filter = { rule: null, band: { low: parseDecimal("2"), high: parseDecimal("8") } };
    expect(await sums(pair, filter)).toEqual(["590000000", seconds(100), 2]);
    expect(await sums(pair, filter, 60)).toEqual(["590000000", seconds(100), 2]);
    expect(await sums(pair, filter, 59)).toEqual(["540000000", seconds(90), 2]);
    expect(await sums(pair, filter, 0)).toEqual(["540000000", seconds(90), 2]);
  });

  it("give a bucket without trades the carried price, or none if that is too old", async () => {
    const pair = freshPair();
    await writeTrades(database, [trade(pair, T - HOUR, { quote: "3" })]);
    expect(await sums(pair, PLAIN)).toEqual(["300000000", seconds(100), 0]);
    expect(await sums(pair, PLAIN, 3599)).toEqual(["0", 0n, 0]);
    expect(await sums(pair, null)).toEqual(["0", 0n, 0]);
  });

  it("need trades back to the one that is carried in, or over the whole carry time", async () => {
    const [pair, quiet] = [freshPair(), freshPair()];
    await writeTrades(database, [trade(pair, T - seconds(60)), trade(pair, T - HOUR)]);
    expect(await sums(pair, PLAIN, 3600, T - seconds(60))).toEqual(["100000000", seconds(100), 0]);
    await expect(sums(pair, PLAIN, 3600, T - seconds(60) + 1n)).rejects.toThrow(RawDataExpired);
    await expect(sums(quiet, PLAIN, 3600, T - HOUR + 1n)).rejects.toThrow(/needs trades from 2026-03-01T09:00:00Z/);
    expect(await sums(quiet, PLAIN, 3600, T - HOUR)).toEqual(["0", 0n, 0]);
    expect(await sums(quiet, PLAIN, 0, T)).toEqual(["0", 0n, 0]);
    expect(await sums(quiet, null, 3600, T)).toEqual(["0", 0n, 0]);
  });

  const price = fc.oneof(
    { weight: 6, arbitrary: fc.bigInt({ min: 95n, max: 105n }) },
    { weight: 1, arbitrary: fc.constantFrom(1n, 10_000n) },
  );
  const anyTrade = fc.record({
    market: fc.nat({ max: 1 }),
    at: fc.oneof(
      fc.constantFrom(-HOUR - 1n, -HOUR, -seconds(30), -1n, 0n, 1n, seconds(60), seconds(100) - 1n, seconds(100)),
      fc.bigInt({ min: -HOUR, max: seconds(100) }),
      fc.bigInt({ min: 0n, max: seconds(100) }),
    ),
    source: fc.constantFrom("binance", "kraken", "sdex"),
    tradeId: fc.constantFrom("1", "2", "10", "a", "é"),
    size: anySize,
    price,
  });
  const question = fc.record({
    trades: fc.uniqueArray(anyTrade, {
      selector: ({ market, at, source, tradeId }) => `${market} ${at} ${source} ${tradeId}`,
      maxLength: 40,
      size: "max",
    }),
    filter: anyPlainFilter,
    sources: fc.constantFrom<string[] | null>(null, ["kraken"], ["binance", "sdex"], []),
    carrySeconds: fc.constantFrom(0, 30, 3600),
    completeFrom: fc.option(fc.bigInt({ min: -HOUR, max: 0n }), { nil: null }),
  });

  it("equal a computation from every trade", async () => {
    await fc.assert(
      fc.asyncProperty(question, async ({ trades, filter, sources, carrySeconds, completeFrom }) => {
        const markets = [freshPair(), freshPair()] as const;
        const rows: PlainTrade[] = trades
          .map(({ market, at, source, tradeId, size, price }) => ({
            pair: markets[market as 0 | 1],
            ts: T + at,
            source,
            tradeId,
            base: size,
            quote: (size * price) / 100n,
          }))
          .sort(inOrder);
        await writeTrades(
          database,
          rows.map(({ pair, ts, source, tradeId, base, quote }) =>
            trade(pair, ts, { source, tradeId, base: plain(base, 30n), quote: plain(quote, 30n) }),
          ),
        );
        const counted = rows.filter(({ source }) => sources === null || sources.includes(source));
        const judged = counted.filter(({ ts }) => ts >= BUCKET.from && ts < BUCKET.to);
        const passing = counted.filter((row) => formsPlainPrice(row) && isPlainlyInside(row, filter, judged));
        const inside = passing.filter((row) => judged.includes(row));
        const carryFrom = T - seconds(carrySeconds);
        const carried = passing.filter(({ ts }) => ts >= carryFrom && ts < T).at(-1);
        const horizon = completeFrom === null ? null : T + completeFrom;

        const answer = askFrom(horizon, async (reader) => {
          const exact = await filterOf(reader, filter, { pairs: markets, bucket: BUCKET, sources });
          const { weightedSum, duration, tradeCount } = await reader.timeWeighted(markets, BUCKET, {
            sources,
            filter: exact,
            carrySeconds,
          });
          const last = await reader.lastTrade(markets, BUCKET, { sources, filter: exact });
          return {
            weightedSum: formatDecimal(weightedSum),
            duration,
            tradeCount,
            last: last && [last.ts, last.source, formatDecimal(last.price)],
          };
        });
        if (horizon !== null && horizon > (carried?.ts ?? carryFrom)) {
          await expect(answer).rejects.toThrow(RawDataExpired);
          return;
        }
        const standing = [...(carried === undefined ? [] : [{ ...carried, ts: T }]), ...inside];
        let [weighted, duration] = [0n, 0n];
        for (const [index, row] of standing.entries()) {
          const stands = (standing[index + 1]?.ts ?? BUCKET.to) - row.ts;
          weighted += priceOf(row) * stands;
          duration += stands;
        }
        const last = inside.at(-1);
        expect(await answer).toEqual({
          weightedSum: plain(weighted, 30n),
          duration,
          tradeCount: inside.length,
          last: last === undefined ? null : [last.ts, last.source, plain(priceOf(last), 30n)],
        });
      }),
      { numRuns: runsOf(80) },
    );
  });
});
