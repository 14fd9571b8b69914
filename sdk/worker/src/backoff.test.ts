import fc from "fast-check";
import { expect, it } from "vitest";
import { backoffSeconds } from "./backoff.ts";

it("grows with the attempts up to ten minutes, and a random part of it is waited", () => {
  const half = [1, 2, 3, 10, 11, 1000].map((attempt) => backoffSeconds(attempt, 0.5));
  expect(half).toEqual([0.5, 1, 2, 256, 300, 300]);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const wait = backoffSeconds(attempt, random);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(Math.min(600, 2 ** (attempt - 1)));
      },
    ),
  );
});
