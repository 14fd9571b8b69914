import { expect, it } from "vitest";
import { parsePair } from "../internal/canonical/pair.ts";
import { priceTable } from "./price-table.ts";

const value = JSON.stringify({
  pair: "crypto:XLM/fiat:USD",
  window_seconds: 300,
  from: "2026-08-09T22:25:00Z",
  to: "2026-08-09T22:30:00Z",
  price: "0.123456789012345678",
  base_volume: "10",
  quote_volume: "1.23456789012345678",
  usd_volume: "1234567.9",
  trade_count: 42,
  sources: [{ source: "kraken", trade_count: 42, base_volume: "10", quote_volume: "1.23456789012345678", share: "1" }],
  dropped: { class: 0, outlier: 0 },
  policy: "9f2c1ab04d7e",
});

it("aligns prices by pair and window", () => {
  expect(priceTable([parsePair("XLM/USD"), parsePair("BTC/EUR")], [300, 3600], [value, value, null, null])).toEqual([
    "pair                         5m          1h  trades  USD volume",
    "crypto:XLM/fiat:USD  0.12345679  0.12345679      42   1,234,568",
    "crypto:BTC/fiat:EUR           –           –       –           –",
  ]);
});
