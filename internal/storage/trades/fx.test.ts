import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { parseAsset } from "../../canonical/asset.ts";
import { formatDecimal } from "../../canonical/decimal.ts";
import { formatPair, parsePair } from "../../canonical/pair.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { withSnapshot } from "../windows/snapshot.ts";
import { trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const AT = parseTime("2026-03-01T12:00:30Z");
const WEEK = seconds(7 * 86_400);
const SOURCES = ["ecb", "massive"];

const ISSUER = "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN";

describe.each(enginesOf(testEngines))("exchange rates and traded pairs on $name", (engine) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase(engine);
    const quote = (pair: string, ts: Micros, price: string, source = "ecb", tradeId = "1") =>
      trade(parsePair(pair), ts, { quote: price, source, tradeId });
    await writeTrades(database, [
      quote("EUR/USD", AT - seconds(9), "1.1"),
      quote("EUR/USD", AT, "1.2"),
      quote("USD/EUR", AT - WEEK + seconds(86_400), "0.9"),
      quote("EUR/USD", AT + 1n, "9"),
      // The later quote of two orientations counts; with equal timestamps the last by source and id.
      quote("GBP/USD", AT - seconds(2), "1.3"),
      quote("USD/GBP", AT - seconds(1), "0.7", "massive", "9"),
      quote("USD/GBP", AT - seconds(1), "0.8", "massive", "10"),
      quote("GBP/USD", AT - seconds(1), "1.5", "ecb"),
      quote("JPY/USD", AT - WEEK, "0.01"),
      quote("CHF/USD", AT - WEEK - 1n, "1.1"),
      quote("SEK/USD", AT - seconds(1), "0.1", "kraken"),
      quote("NOK/USD", AT + seconds(1), "0.1"),
      quote("EUR/BTC", AT - seconds(1), "0.00001"),
    ]);
    await writeTrades(database, [
      trade(parsePair("XLM/USD"), AT - seconds(100)),
      trade(parsePair("XLM/BTC"), AT - seconds(100), { source: "coingecko" }),
      trade(parsePair("EUR/USD"), AT - seconds(100)),
      trade(parsePair("native/USD"), AT - seconds(100)),
      trade(parsePair(`ABC-${ISSUER}/USD`), AT - seconds(100)),
      trade(parsePair(`XYZ-${ISSUER}/USD`), AT - seconds(100)),
      trade(parsePair("BTC/USD"), AT - seconds(4000)),
      trade(parsePair("ETH/USD"), AT),
    ]);
  });
  afterAll(() => database.drop());

  describe("exchange rates", () => {
    const rates = () => withSnapshot(database, (reader) => reader.fxRates(SOURCES, AT));

    it("are the last quotes at or before the given time, one per currency pair, and stale if older than 7 days", async () => {
      const { current, stale } = await rates();
      const told = current.map(({ pair, price, ts, source }) => [
        formatPair(pair),
        formatDecimal(price),
        formatTime(ts),
        source,
      ]);
      expect(told.sort()).toEqual([
        ["fiat:EUR/fiat:USD", "1.2", "2026-03-01T12:00:30Z", "ecb"],
        ["fiat:JPY/fiat:USD", "0.01", "2026-02-22T12:00:30Z", "ecb"],
        ["fiat:USD/fiat:GBP", "0.8", "2026-03-01T12:00:29Z", "massive"],
      ]);
      expect(stale.map(formatPair)).toEqual(["fiat:CHF/fiat:USD"]);
    });

    it("agree with the rates that convert volumes", async () => {
      const { current } = await rates();
      for (const code of ["EUR", "GBP", "JPY"]) {
        const one = await withSnapshot(database, (reader) => reader.fxQuote(parseAsset(code), SOURCES, AT));
        const rate = current.find(({ pair }) => formatPair(pair).includes(code));
        expect([one?.price.toFixed(), one?.inverse]).toEqual([rate?.price.toFixed(), rate?.pair.base === "fiat:USD"]);
      }
    });

    it("are expired if retention may have removed the last one, unless a later one exists", async () => {
      const horizon = async (at: string) => {
        await database.sql`UPDATE retention_horizons SET complete_from = ${at}::timestamptz WHERE table_name = 'trades'`;
      };
      try {
        await horizon("2026-02-22T12:00:30Z");
        expect(await rates()).toMatchObject({ current: { length: 3 }, expired: [] });
        await horizon("2026-02-22T12:00:30.000001Z");
        // The other rates are unaffected.
        const { expired } = await rates();
        expect(expired.map(({ pair }) => formatPair(pair))).toContain("fiat:JPY/fiat:USD");
        expect(expired.map(({ pair }) => formatPair(pair))).not.toContain("fiat:EUR/fiat:USD");
        expect(expired[0]?.error).toBeInstanceOf(RawDataExpired);
        // The later quote of EUR exists; the removed USD/EUR was before it.
        await horizon("2026-02-28T00:00:00Z");
        const later = await rates();
        expect(later.current.map(({ pair }) => formatPair(pair))).toContain("fiat:EUR/fiat:USD");
        expect(later.expired.map(({ pair }) => formatPair(pair)).filter((name) => name.includes("EUR"))).toEqual([]);
      } finally {
        await horizon("-infinity");
      }
    });
  });

  describe("the traded pairs", () => {
    const traded = (windowSeconds: number, bases: readonly string[], sources: readonly string[] | null) =>
      withSnapshot(database, async (reader) => {
        const bucket = { from: AT - seconds(windowSeconds), to: AT };
        const pairs = await reader.tradedPairs(bucket, bases.map(parseAsset), sources);
        return pairs.map(formatPair);
      });

    it("are those in the bucket whose bases are currencies, tickers or requested", async () => {
      const near = ["crypto:XLM/fiat:USD", "fiat:EUR/fiat:USD"];
      expect(await traded(300, [], ["kraken"])).toEqual(expect.arrayContaining(near));
      expect(await traded(300, [], ["kraken"])).not.toContain("crypto:BTC/fiat:USD");
      expect(await traded(300, [], ["kraken"])).not.toContain("crypto:XLM/crypto:BTC");
      expect(await traded(300, [], null)).toContain("crypto:XLM/crypto:BTC");
      expect(await traded(86_400, [], ["kraken"])).toEqual(expect.arrayContaining([...near, "crypto:BTC/fiat:USD"]));
      const named = await traded(300, ["native", `ABC-${ISSUER}`], ["kraken"]);
      expect(named).toEqual(expect.arrayContaining(["native/fiat:USD", `ABC-${ISSUER}/fiat:USD`]));
      expect(named).not.toContain(`XYZ-${ISSUER}/fiat:USD`);
    });

    it("are refused if the rollups do not reach back far enough", async () => {
      const horizon = async (at: string) => {
        await database.sql`UPDATE retention_horizons SET complete_from = ${at}::timestamptz WHERE table_name = 'trades_1m'`;
      };
      try {
        await horizon("2026-03-01T11:58:00Z");
        await expect(traded(300, [], null)).rejects.toThrow(RawDataExpired);
        expect(await traded(86_400, [], null)).toContain("crypto:BTC/fiat:USD");
      } finally {
        await horizon("-infinity");
      }
    });
  });
});
