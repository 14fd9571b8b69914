import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPair } from "../../canonical/pair.ts";
import { BINANCE_PAIR, BINANCE_SYMBOLS } from "./binance.ts";
import { BITCOINCHARTS } from "./bitcoincharts.ts";
import { marketInName } from "./file-names.ts";
import { KRAKEN_PAIR } from "./kraken.ts";
import { pairOfSymbol } from "./symbols.ts";

describe("symbols", () => {
  const VENUES = { kraken: KRAKEN_PAIR, binance: BINANCE_PAIR };
  const read = (venue: keyof typeof VENUES, symbol: string): string => formatPair(VENUES[venue].pairOf(symbol, {}));

  test.each<[keyof typeof VENUES, string, string]>([
    ["kraken", "XBTUSD", "crypto:BTC/fiat:USD"],
    ["kraken", "XXBTZUSD", "crypto:BTC/fiat:USD"],
    ["kraken", "XETHXXBT", "crypto:ETH/crypto:BTC"],
    ["kraken", "USDTZUSD", "crypto:USDT/fiat:USD"],
    ["kraken", "ZEURZUSD", "fiat:EUR/fiat:USD"],
    ["kraken", "XTZUSD", "crypto:XTZ/fiat:USD"],
    ["kraken", "XBT/EUR", "crypto:BTC/fiat:EUR"],
    ["kraken", "DOGE/BTC", "crypto:DOGE/crypto:BTC"],
    ["kraken", "USDCUSDT", "crypto:USDC/crypto:USDT"],
    ["binance", "BTCUSDT", "crypto:BTC/crypto:USDT"],
    ["binance", "BTCFDUSD", "crypto:BTC/crypto:FDUSD"],
    ["binance", "EURUSDT", "fiat:EUR/crypto:USDT"],
    // GEL is a currency too, but none that is quoted in there.
    ["binance", "GELUSDT", "crypto:GEL/crypto:USDT"],
  ])("%s, %s", (venue, symbol, pair) => {
    expect(read(venue, symbol)).toBe(pair);
  });

  test.each([
    ["kraken", "XBTPYUSD", "more than one meaning: add --pair BTC/PYUSD or --pair XBTPY/USD"],
    ["kraken", "USD", "cannot be split"],
    ["kraken", "A/B/C", "cannot be split"],
    ["binance", "BTCUSD_PERP", "is a COIN-M or a dated future"],
    ["binance", "", "cannot be split"],
  ] as const)("%s, %s is refused", (venue, symbol, reason) => {
    expect(() => read(venue, symbol)).toThrow(reason);
  });

  test("written together are split as they were put together, or not at all", () => {
    const base = fc.stringMatching(/^[A-Z0-9]{2,6}$/);
    fc.assert(
      fc.property(base, fc.constantFrom(...BINANCE_SYMBOLS.quotes), (base, quote) => {
        const ways = BINANCE_SYMBOLS.quotes.filter((each) => `${base}${quote}`.endsWith(each));
        const pairOf = () => formatPair(pairOfSymbol(`${base}${quote}`, BINANCE_SYMBOLS));
        if (ways.length > 1 || base === quote) expect(pairOf).toThrow();
        else expect(pairOf()).toMatch(new RegExp(`:${base}/[a-z]+:${quote}$`));
      }),
    );
  });
});

describe("names of files", () => {
  test.each([
    ["coinbase_BTC-USD_20260809.csv.gz", "BTC-USD"],
    ["BTC-USD.BTC-USD.json", "BTC-USD"],
    ["BTC-USD_ETH-USD.csv", undefined],
    ["2026-01-02.csv", undefined],
    ["btc-usd.csv", undefined],
    ["kraken-noheader.csv", undefined],
  ])("%s is of the market %s", (name, market) => {
    expect(marketInName(name)).toBe(market);
  });

  test.each([
    ["bitstampUSD.csv.gz", "bitstamp", "USD"],
    [".btceEUR.csv", "btce", "EUR"],
    ["bitcoincharts-bitstamp.csv", undefined, undefined],
    ["XBTUSD.csv", undefined, undefined],
  ])("bitcoincharts: %s is of %s in %s", (name, source, currency) => {
    expect([BITCOINCHARTS.source.inName?.(name), BITCOINCHARTS.pair?.inName?.(name)]).toEqual([source, currency]);
  });

  test.each([
    ["BTCUSDT-trades-2025-01-01.zip", "BTCUSDT"],
    ["BTCUSDT-aggTrades-2025-01.csv", "BTCUSDT"],
    ["BTCUSD_PERP-trades-2025-01.csv", "BTCUSD_PERP"],
    ["BTCUSDT-1m-2025-01.csv", undefined],
    ["my-BTCUSDT-trades-2025-01.csv", undefined],
  ])("Binance: %s is of %s", (name, symbol) => {
    expect(BINANCE_PAIR.inName?.(name)).toBe(symbol);
  });
});
