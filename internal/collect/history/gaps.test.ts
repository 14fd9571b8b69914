import fc from "fast-check";
import { expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { formatTime, parseTime } from "../../canonical/time.ts";
import { gapsSince, horizonOf, windowsOfGaps } from "./gaps.ts";

const second = (count: number) => BigInt(count) * 1_000_000n;

it("gaps are split into windows of limited length, no more than are done at once", () => {
  const gaps = [
    { from: second(0), to: second(25) },
    { from: second(100), to: second(105) },
  ];
  const shown = (most: number) =>
    windowsOfGaps(gaps, { windowSeconds: 10, hasDayFiles: false }, most).map(({ from, to }) => [
      Number(from) / 1e6,
      Number(to) / 1e6,
    ]);
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

it("where there are files of whole days, more than an hour of a day is one window", () => {
  const at = (text: string) => parseTime(`2026-08-${text}Z`);
  const gaps = [{ from: at("01T23:40:00"), to: at("04T00:20:00") }];
  const windows = windowsOfGaps(gaps, { windowSeconds: 900, hasDayFiles: true }, 10);
  expect(windows.map(({ from, to }) => `${formatTime(from)} ${formatTime(to)}`)).toEqual([
    "2026-08-01T23:40:00Z 2026-08-01T23:55:00Z",
    "2026-08-01T23:55:00Z 2026-08-02T00:00:00Z",
    "2026-08-02T00:00:00Z 2026-08-03T00:00:00Z",
    "2026-08-03T00:00:00Z 2026-08-04T00:00:00Z",
    "2026-08-04T00:00:00Z 2026-08-04T00:15:00Z",
    "2026-08-04T00:15:00Z 2026-08-04T00:20:00Z",
  ]);
});

it("windows follow each other from the begin of each gap to its end", () => {
  const seconds = fc.integer({ min: 0, max: 400_000 });
  const given = fc.record({ start: seconds, length: seconds.map((length) => length + 1), hasDayFiles: fc.boolean() });
  fc.assert(
    fc.property(given, ({ start, length, hasDayFiles }) => {
      const gap = { from: second(start), to: second(start + length) };
      const windows = windowsOfGaps([gap], { windowSeconds: 900, hasDayFiles }, 10_000);
      expect(windows[0]?.from).toBe(gap.from);
      expect(windows.at(-1)?.to).toBe(gap.to);
      for (const [index, { from, to }] of windows.entries()) {
        expect(from < to).toBe(true);
        expect(from).toBe(windows[index - 1]?.to ?? gap.from);
      }
    }),
    { numRuns: runsOf(200) },
  );
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
