import { expect, it } from "vitest";
import { windowsOfGaps } from "./gaps.ts";

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
