import fc from "fast-check";
import { expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { InputError } from "../../canonical/input-error.ts";
import { seconds } from "../../canonical/time.ts";
import type { Interval } from "../../storage/control/coverage.ts";
import { MOST_WINDOWS, windowsOf, windowsWithGaps } from "./windows.ts";

it("windows follow each other without a gap from the start of the range to its end", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
      fc.bigInt({ min: 1n, max: 10n ** 10n }),
      fc.integer({ min: 60, max: 10_000 }),
      (from, length, chunkSeconds) => {
        const windows = windowsOf({ from, to: from + length }, chunkSeconds);
        expect(windows[0]?.from).toBe(from);
        expect(windows.at(-1)?.to).toBe(from + length);
        for (const [index, window] of windows.entries()) {
          const next = windows[index + 1];
          if (next === undefined) expect(window.to - window.from).toBeLessThanOrEqual(seconds(chunkSeconds));
          else expect([window.to, window.to - window.from]).toEqual([next.from, seconds(chunkSeconds)]);
        }
      },
    ),
    { numRuns: runsOf(500) },
  );
});

it("a range without length, or with too many windows, is refused", () => {
  expect(() => windowsOf({ from: 5n, to: 5n }, 1)).toThrow("from is not before to");
  expect(() => windowsOf({ from: 0n, to: seconds(MOST_WINDOWS) + 1n }, 1)).toThrow(InputError);
  expect(() => windowsOf({ from: 0n, to: seconds(20_000) }, 1)).toThrow("with the first run to 1970-01-01T02:46:40Z");
  expect(windowsOf({ from: 0n, to: seconds(MOST_WINDOWS) }, 1)).toHaveLength(MOST_WINDOWS);
});

it("windows with gaps are those that overlap one", () => {
  const interval = fc.tuple(fc.bigInt({ min: 0n, max: 100n }), fc.bigInt({ min: 1n, max: 9n }));
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 8 }), (pieces) => {
      const windows = windowsOf({ from: 0n, to: seconds(30) }, 1);
      const gaps: Interval[] = [];
      for (const [skip, length] of pieces) {
        const from = (gaps.at(-1)?.to ?? 0n) + skip * 100_000n + 1n;
        gaps.push({ from, to: from + length * 100_000n });
      }
      const overlapping = windows.filter(({ from, to }) => gaps.some((gap) => gap.from < to && from < gap.to));
      expect(windowsWithGaps(windows, gaps)).toEqual(overlapping);
    }),
    { numRuns: runsOf(500) },
  );
});
