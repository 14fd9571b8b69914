import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { enginesOf } from "../../../test/thoroughness.ts";
import { formatPair, type Pair, parsePair } from "../../canonical/pair.ts";
import { formatTime, parseTime, seconds } from "../../canonical/time.ts";
import { openTestDatabase, type TestDatabase, testEngines } from "../connection/database.testing.ts";
import { readMarkets } from "./markets.ts";
import { trade } from "./trades.testing.ts";
import { writeTrades } from "./trades.ts";

const TO = parseTime("2026-01-10T12:34:00Z");
const PERIOD = { from: TO - seconds(86_400), to: TO };
const [ABC, ABC_EUR, BTC, OLD, LATER] = ["ABC/USD", "ABC/EUR", "BTC/USD", "OLD/USD", "AAA/USD"].map(parsePair) as [
  Pair,
  Pair,
  Pair,
  Pair,
  Pair,
];

describe.each(enginesOf(testEngines))("markets on $name", (engine) => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await openTestDatabase(engine);
    await writeTrades(database, [
      // Trades at the edges of the period, in the minutes before its first hour, in its hours, and in its last minutes.
      trade(ABC, "2026-01-09T12:33:59.999999Z", { base: "1000" }),
      trade(ABC, "2026-01-09T12:34:00Z", { base: "1", quote: "1" }),
      trade(ABC, "2026-01-09T18:00:00Z", { base: "10", quote: "20", source: "coingecko" }),
      trade(ABC, "2026-01-10T12:33:59.5Z", { base: "100", quote: "300", tradeId: "9" }),
      trade(ABC, "2026-01-10T12:33:59.5Z", { base: "200", quote: "900", tradeId: "10" }),
      trade(ABC, "2026-01-10T12:33:59.5Z", { base: "3", quote: "6", source: "binance" }),
      trade(ABC, "2026-01-10T12:34:00Z", { base: "1000", quote: "9999" }),
      trade(ABC_EUR, "2026-01-10T11:59:00Z", { quote: "7" }),
      trade(ABC_EUR, "2026-01-10T11:20:00Z", { quote: "6", source: "sdex" }),
      trade(BTC, "2026-01-10T12:00:00Z"),
      trade(OLD, "2024-01-10T12:00:00.000001Z", { quote: "2" }),
      trade(LATER, "2026-01-10T12:34:00Z"),
    ]);
  });

  afterAll(() => database.drop());

  test("have their last trade and the sums of the period, from rollups only", async () => {
    const { markets, next } = await readMarkets(database, { period: PERIOD, after: null, limit: 10 });
    expect(next).toBeNull();
    expect(
      markets.map(({ pair, lastTrade: { ts, price, source }, tradeCount, baseVolume, quoteVolume }) =>
        [formatPair(pair), formatTime(ts), price, source, tradeCount, baseVolume, quoteVolume].join(" "),
      ),
    ).toEqual([
      "crypto:ABC/fiat:EUR 2026-01-10T11:59:00Z 7 kraken 2 2 13",
      "crypto:ABC/fiat:USD 2026-01-10T12:33:59.5Z 4.5 kraken 5 314 1227",
      "crypto:BTC/fiat:USD 2026-01-10T12:00:00Z 1 kraken 1 1 1",
      "crypto:OLD/fiat:USD 2024-01-10T12:00:00.000001Z 2 kraken 0 0 0",
    ]);
  });

  test("are returned in ordered pages without duplicates", async () => {
    for (const limit of [1, 2, 3, 4, 5]) {
      const seen: string[] = [];
      let after: Pair | null = null;
      do {
        const page = await readMarkets(database, { period: PERIOD, after, limit });
        expect(page.markets.length).toBeLessThanOrEqual(limit);
        seen.push(...page.markets.map(({ pair }) => formatPair(pair)));
        after = page.next;
      } while (after !== null);
      expect(seen).toEqual([ABC_EUR, ABC, BTC, OLD].map(formatPair));
    }
  });

  test("are refused if minutes of the period have been removed", async () => {
    await database.sql`
      UPDATE retention_horizons SET complete_from = '2026-01-09 13:00:00Z' WHERE table_name = 'trades_1m'`;
    await expect(readMarkets(database, { period: PERIOD, after: null, limit: 1 })).rejects.toThrow("needs trades_1m");
    await database.sql`UPDATE retention_horizons SET complete_from = '-infinity'`;
  });
});
