import { expect, it } from "vitest";
import { gapsSince, horizonOf, windowsOfGaps } from "./gaps.ts";

const second = (count: number) => BigInt(count) * 1_000_000n;

it("gaps are split into windows of limited length, no more than are done at once", () => {
  const gaps = [
    { from: second(0), to: second(25) },
    { from: second(100), to: second(105) },
  ];
  const shown = (most: number) =>
    windowsOfGaps(gaps, 10, most).map(({ from, to }) => [Number(from) / 1e6, Number(to) / 1e6]);
  expect(shown(10)).toEqual([
    [0, 10],
    [10, 20],
    [20, 25],
    [100, 105],
  ]);
  expect(shown(2)).toEqual([
    [0, 10],
    [10, 20],
  ]);
});

it("what a venue has no more is left out, up to a whole hour", () => {
  const gaps = [
    { from: second(0), to: second(25) },
    { from: second(7000), to: second(9000) },
  ];
  expect(horizonOf(null, second(10_000))).toBeNull();
  expect(horizonOf(7200, second(10_800))).toBe(second(3600));
  expect(horizonOf(7200, second(10_801))).toBe(second(7200));
  expect(gapsSince(gaps, null)).toEqual(gaps);
  expect(gapsSince(gaps, second(7200))).toEqual([{ from: second(7200), to: second(9000) }]);
});
