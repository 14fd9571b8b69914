import { expect, it } from "vitest";
import { formatPair, parsePair } from "../canonical/pair.ts";
import { makeOrientationRule } from "./orientation-rule.ts";

it("looks an orientation up again after a time, since an operator may have removed what was stored", async () => {
  let now = 0;
  let isStoredInverted = true;
  const rule = makeOrientationRule(
    { identityOf: formatPair, inverted: async () => new Set(isStoredInverted ? [0] : []) },
    { seconds: 60, stopwatch: () => now },
  );
  const market = { ...parsePair("XLM/USD"), source: "kraken" };
  const isKept = async () => (await rule([market]))(market);
  expect(await isKept()).toBe(false);
  isStoredInverted = false;
  now = 59;
  expect(await isKept()).toBe(false);
  now = 60;
  expect(await isKept()).toBe(true);
});
