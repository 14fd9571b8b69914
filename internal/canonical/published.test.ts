import fc from "fast-check";
import { expect, test } from "vitest";
import { type PublishedValue, serializePublished } from "./published.ts";

const LINE =
  '{"pair":"crypto:BTC/fiat:USD","window_seconds":7200,"from":"2026-08-09T20:30:00Z","to":"2026-08-09T22:30:00Z",' +
  '"price":"65106.993128913992","base_volume":"1.58358303","quote_volume":"103102.3294532748",' +
  '"usd_volume":"103102.3294532748","trade_count":263,"sources":[' +
  '{"source":"bybit","trade_count":11,"base_volume":"0.013138","quote_volume":"855.814955","share":"0.008301"},' +
  '{"source":"gemini","trade_count":105,"base_volume":"0.32140806","quote_volume":"20950.542421663","share":"0.203201"}' +
  '],"dropped":{"class":0,"outlier":0},"policy":"9f2c1ab04d7e"}';

/** Returns the same value with the keys of every object in another order. */
function reordered(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((each) => reordered(each, random));
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, each]) => ({ key, each: reordered(each, random), rank: random() }));
  return Object.fromEntries(entries.sort((a, b) => a.rank - b.rank).map(({ key, each }) => [key, each]));
}

test("serializes to one line with the keys in the published order, whatever their order before", () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (ranks) => {
      const value = reordered(JSON.parse(LINE), () => ranks.next().value) as PublishedValue;
      expect(serializePublished(value)).toBe(LINE);
    }),
  );
});

test("an unknown USD volume is null, and unpublished keys are omitted", () => {
  const value = { ...(JSON.parse(LINE) as PublishedValue), usd_volume: null, computed_at: "now" };
  const text = serializePublished(value);
  expect(text).toContain('"usd_volume":null');
  expect(text).not.toContain("computed_at");
  expect(text).not.toContain("\n");
});
