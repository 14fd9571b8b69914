import fc from "fast-check";
import { expect, it } from "vitest";
import { seconds } from "../../canonical/time.ts";
import { dueBoundaries, RECOVERED_SECONDS } from "./boundaries.ts";

const at = (second: number) => seconds(1_790_000_000 + second);

it("are those of the grid after the last one told, and those that are known", () => {
  // 1 790 000 000 is 20 s after a multiple of 30.
  expect(dueBoundaries(at(10), [at(70), at(95), at(100)], at(100), 30)).toEqual(
    [40, 70, 95, 100].map((second) => at(second)),
  );
  expect(dueBoundaries(at(10), [at(40)], at(40), 30)).toEqual([at(40)]);
});

it("begin after the last one told, end with the newest, and go back an hour", () => {
  const second = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(second, second, fc.array(second), fc.integer({ min: 1, max: 300 }), (last, later, others, interval) => {
      const newest = last + later + 1;
      const due = dueBoundaries(at(last), [newest, ...others].map(at), at(newest), interval);
      const first = Math.max(last, newest - RECOVERED_SECONDS);
      const all = Array.from({ length: newest - first }, (_, index) => first + 1 + index);
      const isDue = (each: number) => each === newest || others.includes(each) || at(each) % seconds(interval) === 0n;
      expect(due).toEqual(all.filter(isDue).map(at));
    }),
  );
});
