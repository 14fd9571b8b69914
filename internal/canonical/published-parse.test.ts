import { expect, test } from "vitest";
import { type PublishedValue, parsePublished, serializePublished } from "./published.ts";
import { PoisonedValueError } from "./stored-text.ts";

const VALUE: PublishedValue = {
  pair: "crypto:BTC/fiat:USD",
  window_seconds: 7200,
  from: "2026-08-09T20:30:00Z",
  to: "2026-08-09T22:30:00Z",
  price: "65106.993128913992",
  base_volume: "1.58358303",
  quote_volume: "103102.3294532748",
  usd_volume: "103102.3294532748",
  trade_count: 263,
  sources: [
    { source: "bybit", trade_count: 11, base_volume: "0.013138", quote_volume: "855.814955", share: "0.008301" },
  ],
  dropped: { class: 0, outlier: 0 },
  policy: "9f2c1ab04d7e",
};

test("parses a published value", () => {
  expect(parsePublished(serializePublished(VALUE))).toEqual(VALUE);
  const unknown = { ...VALUE, usd_volume: null, price: "0.000000000000000000123", sources: [] };
  expect(parsePublished(serializePublished(unknown))).toEqual(unknown);
});

test("ignores unknown keys", () => {
  const source = { ...VALUE.sources[0], weight: "1" };
  const later = { ...VALUE, mood: "calm", sources: [source], dropped: { ...VALUE.dropped, floor: 1 } };
  expect(parsePublished(JSON.stringify(later))).toEqual(VALUE);
});

test("parses a triangulated value", () => {
  const leg = { pair: "crypto:BTC/fiat:USD", price: "65000", inverted: false, method: "vwap" } as const;
  const rate = { pair: "fiat:USD/fiat:EUR", price: "0.9", inverted: true, method: "fx" } as const;
  const triangulated: PublishedValue = {
    ...VALUE,
    dropped: { ...VALUE.dropped, venue: 0 },
    provenance: "triangulated",
    legs: [
      { ...leg, usd_volume: null, trade_count: 3 },
      { ...rate, source: "ecb", as_of: "2026-08-07T14:00:00Z" },
    ],
  };
  const text = serializePublished(triangulated);
  expect(parsePublished(text)).toEqual(triangulated);
  expect(text).toMatch(/"policy":"[0-9a-f]{12}","provenance":"triangulated","legs":\[\{"pair":"crypto:BTC/);
  expect(() => parsePublished(text.replace('"fx"', '"guess"'))).toThrow("legs.1.method");
});

const poisoned: [wrong: string, patch: Record<string, unknown>][] = [
  ["price", { price: 65106.99 }],
  ["price", { price: "6.5e4" }],
  ["price", { price: "NaN" }],
  ["price", { price: "-1" }],
  ["price", { price: "1.50" }],
  ["price", { price: "01" }],
  ["price", { price: "1\n" }],
  ["price", { price: "0" }],
  ["price", { price: "9".repeat(401) }],
  ["price", { price: undefined }],
  ["base_volume", { base_volume: null }],
  ["quote_volume", { quote_volume: "" }],
  ["usd_volume", { usd_volume: undefined }],
  ["usd_volume", { usd_volume: "Infinity" }],
  ["pair", { pair: "XLM/USD" }],
  ["pair", { pair: "crypto:XLM" }],
  ["window_seconds", { window_seconds: "300" }],
  ["window_seconds", { window_seconds: 0 }],
  ["window_seconds", { window_seconds: 7200.5 }],
  ["from", { from: "2026-08-09T20:30:15Z" }],
  ["to", { to: "2026-08-09T22:30:00.000Z" }],
  ["to", { to: "2026-08-09T22:30:00+00:00" }],
  ["to", { to: "2026-02-30T22:30:00Z" }],
  ["to", { to: 1786314600 }],
  ["trade_count", { trade_count: -1 }],
  ["trade_count", { trade_count: 1e300 }],
  ["sources", { sources: null }],
  ["sources.0.share", { sources: [{ ...VALUE.sources[0], share: "1.000001" }] }],
  ["sources.0.share", { sources: [{ ...VALUE.sources[0], share: "0.1234567" }] }],
  ["sources.0.source", { sources: [{ ...VALUE.sources[0], source: "" }] }],
  ["dropped.outlier", { dropped: { class: 0 } }],
  ["policy", { policy: "9F2C1AB04D7E" }],
];

test.each(poisoned)("names the invalid field %s: %j", (wrong, patch) => {
  expect(() => parsePublished(JSON.stringify({ ...VALUE, ...patch }))).toThrow(PoisonedValueError);
  expect(() => parsePublished(JSON.stringify({ ...VALUE, ...patch }))).toThrow(`: ${wrong}: `);
});

test.each(["", "poison", "null", "[]", "42", '"text"', "{}", '{"__proto__":{}}'])("refuses %j", (text) => {
  expect(() => parsePublished(text)).toThrow(PoisonedValueError);
});

test("names all invalid fields", () => {
  const text = JSON.stringify({ ...VALUE, price: "x", policy: 1 });
  expect(() => parsePublished(text)).toThrow(/price: .*; policy: /);
});
