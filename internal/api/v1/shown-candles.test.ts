import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { type Pair, parsePair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import type { TestDatabase } from "../../storage/connection/database.testing.ts";
import { trade } from "../../storage/trades/trades.testing.ts";
import { writeTrades } from "../../storage/trades/trades.ts";
import { openApiDatabase, openTestApi } from "./api.testing.ts";

const NOON = parseTime("2026-01-10T12:00:00Z");
const VENUES = ["binance", "bitstamp", "coinbase", "kraken"];

let database: TestDatabase;
let markets = 0;
beforeAll(async () => {
  database = await openApiDatabase();
});
afterAll(() => database.drop());

/** Returns trades at 0.2750 to 0.2754, evenly spaced over some time from `from` on. */
function calm(pair: Pair, from: Micros, length: Micros, count: number) {
  return Array.from({ length: count }, (_, index) =>
    trade(pair, from + (BigInt(index) * length) / BigInt(count), {
      source: VENUES[index % VENUES.length] as string,
      tradeId: `calm${index}`,
      base: "1000",
      quote: String(275 + (index % 5) / 10),
    }),
  );
}

interface Print {
  readonly second: number;
  readonly base: string;
  readonly quote: string;
  readonly source?: string;
}

/** The candles of a calm market from 9 o'clock on, with five trades per minute, and some outlying trades after noon. */
async function candlesOf(prints: readonly Print[], interval: "1m" | "1h", query = "") {
  const pair = parsePair(`MARKET${markets++}/USD`);
  await writeTrades(database, [
    ...calm(pair, NOON - 3n * HOUR, 3n * HOUR, 900),
    ...calm(pair, NOON, HOUR, 300),
    ...prints.map(({ second, ...amounts }, index) =>
      trade(pair, NOON + seconds(second), { tradeId: `print${index}`, ...amounts }),
    ),
  ]);
  const ask = async (more = query) => {
    const api = openTestApi({ database, policy: { min_usd_volume: 10_000 } });
    api.at(NOON + 2n * HOUR);
    const range = `from=${formatTime(NOON)}&to=${formatTime(NOON + HOUR)}`;
    return (await api.get(`/v1/ohlc?base=${pair.base}&quote=${pair.quote}&interval=${interval}&${range}${more}`)).body
      .data.candles;
  };
  return { ask, candles: await ask() };
}

describe.each(["1m", "1h"] as const)("a candle of %s", (interval) => {
  const calmOne = { open: "0.275", high: "0.2754", low: "0.275", close: "0.2754" };
  const count = interval === "1m" ? 5 : 300;

  test("is the same with and without filter if no trade is filtered", async () => {
    const { candles, ask } = await candlesOf([], interval);
    expect(candles).toHaveLength(interval === "1m" ? 60 : 1);
    expect(candles[0]).toMatchObject({ ...calmOne, trade_count: count, vwap: "0.2752" });
    expect(await ask("&filter=none")).toEqual(candles);
  });

  test.each<[string, Print, object, object?]>([
    ["a small mistyped trade", { second: 31, base: "10", quote: "0.297" }, { low: "0.0297" }],
    ["a mistyped trade below the market", { second: 31, base: "1000", quote: "29.7" }, { low: "0.0297" }],
    ["a mistyped trade above the market", { second: 31, base: "100", quote: "2750" }, { high: "27.5" }],
    [
      "a mistyped trade larger than the market, whose venue is dropped with it",
      { second: 31, base: "90000", quote: "9000000" },
      { high: "100" },
      interval === "1m" ? {} : { close: "0.2753" },
    ],
    ["a trade of a few stroops", { second: 31, base: "0.0000001", quote: "0.0000001", source: "sdex" }, { high: "1" }],
    [
      "a trade of a few stroops near the market",
      { second: 31, base: "0.0000037", quote: "0.000001", source: "sdex" },
      { low: "0.27027027027027027" },
    ],
    [
      "a deviating venue with the opening trade",
      { second: 0, base: "500", quote: "200", source: "aquarius" },
      { open: "0.4", high: "0.4" },
    ],
    [
      "a deviating venue with the closing trade",
      { second: 59, base: "500", quote: "100", source: "sdex" },
      { ...(interval === "1m" ? { close: "0.2" } : {}), low: "0.2" },
    ],
  ])("does not show a price of %s, but counts its volume", async (_what, print, traded, without = {}) => {
    const { candles, ask } = await candlesOf([print], interval);
    const [raw, ...othersRaw] = await ask("&filter=none");
    const [shown, ...others] = candles;
    expect(raw).toMatchObject({ ...calmOne, ...traded, trade_count: count + 1 });
    expect(shown).toMatchObject({ ...calmOne, ...without, trade_count: count + 1 });
    expect(shown).not.toHaveProperty("filtered");
    expect([shown.base_volume, shown.quote_volume]).toEqual([raw.base_volume, raw.quote_volume]);
    expect(others).toEqual(othersRaw);
  });

  test.each([
    [["binance", "kraken"], "20000", true],
    [["binance", "kraken"], "9999", false],
    [["binance"], "200000", false],
  ])("decides whether a new price of %j, %s USD each, is shown: %s", async (sources, quote, isShown) => {
    const pair = parsePair(`MARKET${markets++}/USD`);
    const jump = sources.map((source, index) =>
      trade(pair, NOON + seconds(30 + index), { source, base: quote, quote }),
    );
    await writeTrades(database, [
      ...calm(pair, NOON - 3n * HOUR, 3n * HOUR, 900),
      trade(pair, NOON + seconds(10), { source: "kraken", base: "100", quote: "27.5" }),
      ...jump,
    ]);
    const api = openTestApi({ database, policy: { min_usd_volume: 10_000 } });
    api.at(NOON + 2n * HOUR);
    const path = `/v1/ohlc?base=${pair.base}&quote=${pair.quote}&interval=${interval}&from=${formatTime(NOON)}`;
    const prices = isShown ? { high: "1", close: "1" } : { high: "0.275", close: "0.275" };
    expect((await api.get(path)).body.data.candles).toMatchObject([
      { open: "0.275", low: "0.275", ...prices, trade_count: sources.length + 1 },
    ]);
  });
});

describe("where retention has removed trades", () => {
  const spike = { second: 31, base: "10", quote: "0.297" };
  const cut = async (from: Micros, work: () => Promise<void>) => {
    await database.sql`
      UPDATE retention_horizons SET complete_from = ${formatTime(from)}::timestamptz WHERE table_name = 'trades'`;
    try {
      await work();
    } finally {
      await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
    }
  };

  test.each(["1m", "1h"] as const)("a candle of %s that would need them is flagged as unfiltered", async (interval) => {
    const { candles: before, ask } = await candlesOf([spike], interval);
    expect(before[0]).not.toHaveProperty("filtered");
    await cut(NOON + MINUTE, async () => {
      const [raw, ...rawOthers] = await ask("&filter=none");
      const [first, ...others] = await ask();
      expect(first).toEqual({ ...raw, filtered: false });
      expect(first.low).toBe("0.0297");
      expect(others).toEqual(before.slice(1));
      // These candles need no trades, since no filter can change them.
      for (const each of [...others, raw, ...rawOthers]) expect(each).not.toHaveProperty("filtered");
    });
    await cut(NOON, async () => expect(await ask()).toEqual(before));
  });
});
