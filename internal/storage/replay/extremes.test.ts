import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../../canonical/decimal.ts";
import { greatestOf, leastOf, limitOf } from "./extremes.ts";

// Some differ by less than the precision of floats.
const price = fc
  .tuple(
    fc.constantFrom("1", "1.000000000000000000001", "0.999999999999999999999", "1000000000000000000001"),
    fc.nat(3),
  )
  .map(([digits, zeros]) => formatDecimal(parseDecimal(digits).times(parseDecimal(`1e${zeros}`))));
const prices = fc.array(fc.oneof(price, fc.nat(50).map(String)), { minLength: 1, maxLength: 200 });
const stretch = prices.chain((all) =>
  fc.record({
    all: fc.constant(all),
    ends: fc
      .tuple(fc.nat(all.length - 1), fc.nat(all.length - 1))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1]),
    limit: price,
  }),
);

describe("extremes of prices", () => {
  it("equal those of a scan of every price", () => {
    fc.assert(
      fc.property(stretch, ({ all, ends: [first = 0, past = 1], limit }) => {
        const exact = all.map(parseDecimal);
        const places = all.map((_, place) => place).filter((place) => place >= first && place < past);
        const [least, greatest] = [leastOf(all), greatestOf(all)];
        const at = (place: number) => exact[place] ?? parseDecimal("0");
        expect(places.some((place) => at(place).lessThan(least.furthest(first, past)))).toBe(false);
        expect(places.some((place) => at(place).equals(least.furthest(first, past)))).toBe(true);
        expect(places.some((place) => at(place).greaterThan(greatest.furthest(first, past)))).toBe(false);
        expect(places.some((place) => at(place).equals(greatest.furthest(first, past)))).toBe(true);
        const bound = parseDecimal(limit);
        expect(least.beyond(first, past, limitOf(bound))).toEqual(places.filter((place) => at(place).lessThan(bound)));
        expect(greatest.beyond(first, past, limitOf(bound))).toEqual(
          places.filter((place) => at(place).greaterThan(bound)),
        );
      }),
    );
  });
});
