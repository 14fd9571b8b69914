import { expect, test } from "vitest";
import { parseConfidence } from "./confidence.ts";

const factor = { measured: "2", score: "0.7500" };
const stored = {
  pair: "crypto:XLM/fiat:USD",
  window_seconds: 300,
  from: "2026-03-01T11:55:00Z",
  to: "2026-03-01T12:00:00Z",
  confidence: "0.8123",
  factors: {
    venues: factor,
    concentration: factor,
    usd_volume: null,
    dispersion: null,
    age: factor,
    distance: null,
  },
  policy: "50cc362b5b34",
};

test("a serialized confidence is parsed back, with the weakest leg of a triangulated value", () => {
  expect(parseConfidence(JSON.stringify(stored))).toEqual(stored);
  const ofLegs = { ...stored, weakest_leg: "crypto:XLM/fiat:EUR" };
  expect(parseConfidence(JSON.stringify(ofLegs))).toEqual(ofLegs);
});

test.each([
  ["confidence", "1.0001"],
  ["confidence", "0.5"],
  ["to", "yesterday"],
  ["factors", { ...stored.factors, venues: { measured: "2", score: "2" } }],
])("an invalid confidence is refused with the name of the field: %s %j", (field, wrong) => {
  expect(() => parseConfidence(JSON.stringify({ ...stored, [field]: wrong }))).toThrow(field);
});
