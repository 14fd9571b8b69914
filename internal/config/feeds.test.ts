import { describe, expect, it } from "vitest";
import { CONNECTORS } from "../collect/connectors.ts";
import { loadConfig } from "./load.ts";
import { CONNECTOR_NAMES, connectorOf } from "./sections/feeds.ts";

const load = (feeds: string) => loadConfig({ env: { STELLARINDEX_FEEDS: feeds } });

describe("[[feeds]]", () => {
  it("take the connector of the source's name, and name all connectors that there are", () => {
    expect(CONNECTORS.map(({ name }) => name)).toEqual([...CONNECTOR_NAMES]);
    for (const { name, source } of CONNECTORS) expect(connectorOf({ source })).toBe(name);
    expect(connectorOf({ source: "mine" })).toBeNull();
    expect(connectorOf({ source: "mine", connector: "horizon" })).toBe("horizon");
  });

  it.each([
    ['[{ source = "mine", pair = "XLM/USD" }]', "has none of its name"],
    ['[{ source = "kraken", pair = "XLM/USD" }, { source = "kraken", pair = "XLM/USD" }]', "occurs twice"],
    ['[{ source = "kraken", pair = "XLM/USD" }, { source = "kraken", pair = "USD/XLM" }]', "the other orientation"],
    ['[{ source = "kraken", pair = "XLM/USD", start = "yesterday" }]', "is not a time with a zone"],
    [
      '[{ source = "kraken", pair = "XLM/USD", connector = "krakn" }]',
      "one of aquarius, binance, bitstamp, coinbase, coingecko, ecb, horizon, kraken, phoenix, soroswap",
    ],
  ])("are refused: %s", (feeds, reason) => {
    expect(() => load(feeds)).toThrow(reason);
  });
});

describe("[[collect.endpoints]]", () => {
  const endpoints = (text: string) =>
    loadConfig({ env: { STELLARINDEX_COLLECT_ENDPOINTS: text } }).config.collect.endpoints;

  it.each(["https://data.binance.vision", "/srv/binance"])("may have nothing but files: %s", (files) => {
    expect(endpoints(`[{ source = "binance", files = "${files}" }]`)).toEqual([{ source: "binance", files }]);
  });

  it.each([
    ['[{ source = "binance" }]', "is missing, and so are rest and files"],
    ['[{ source = "binance", files = "binance" }]', "is no place of files"],
    ['[{ source = "binance", files = "file:///srv" }]', "is no place of files"],
  ])("are refused: %s", (text, reason) => {
    expect(() => endpoints(text)).toThrow(reason);
  });
});
