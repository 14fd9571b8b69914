import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dividePublished, formatDecimal, parseDecimal, roundPublished } from "./decimal.ts";
import { expectFraction } from "./fraction.testing.ts";
import {
  compareFractions,
  distance,
  type Fraction,
  fraction,
  fractionOf,
  medianOf,
  minus,
  ONE,
  over,
  plus,
  ratioOf,
  roundFraction,
  roundFractionTo,
  times,
} from "./fraction.ts";

const whole = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
const positive = fc.bigInt({ min: 1n, max: 10n ** 40n });
const anyFraction = fc.tuple(whole, positive).map(([numerator, denominator]) => fraction(numerator, denominator));
const decimal = fc.tuple(whole, fc.nat(30)).map(([units, scale]) => parseDecimal(`${units}e-${scale}`));

describe("fractions", () => {
  it("have a positive denominator", () => {
    expect(fraction(6n, -4n).denominator).toBeGreaterThan(0n);
    expectFraction(fraction(6n, -4n), fraction(-3n, 2n));
    expectFraction(fraction(0n, -7n), fraction(0n, 1n));
  });

  it("are added, subtracted, multiplied and divided like numbers", () => {
    fc.assert(
      fc.property(anyFraction, anyFraction, anyFraction, (a, b, c) => {
        expectFraction(plus(a, b), plus(b, a));
        expectFraction(times(a, plus(b, c)), plus(times(a, b), times(a, c)));
        expectFraction(plus(minus(a, b), b), a);
        if (b.numerator !== 0n) expectFraction(times(over(a, b), b), a);
        expect(Math.sign(compareFractions(a, b))).toBe(-Math.sign(compareFractions(b, a)) + 0);
        expect(compareFractions(distance(a, b), fraction(0n, 1n))).toBe(compareFractions(a, b) === 0 ? 0 : 1);
        expectFraction(distance(a, b), distance(b, a));
      }),
    );
  });

  it("are compared by value, whatever their terms", () => {
    const compare = (a: [bigint, bigint], b: [bigint, bigint]) => compareFractions(fraction(...a), fraction(...b));
    expect(compare([2n, 1n], [30n, 10n])).toBeLessThan(0);
    expect(compare([-4n, 2n], [-30n, 10n])).toBeGreaterThan(0);
    expect(compare([20n, 10n], [2n, 1n])).toBe(0);
  });

  it("do not grow without bound over a chain of operations that cancel out", () => {
    const step = fraction(10n ** 40n + 1n, 10n ** 40n - 1n);
    let value = ONE;
    for (let round = 0; round < 6; round++) value = over(plus(times(value, step), ONE), plus(step, over(ONE, value)));
    expectFraction(value, ONE);
    expect(value.denominator.toString().length).toBeLessThanOrEqual(300);
  });

  it("represent decimals exactly, and round like them", () => {
    fc.assert(
      fc.property(decimal, decimal, fc.bigInt({ min: 1n, max: 10n ** 20n }), (a, b, scale) => {
        expect(formatDecimal(roundFraction(fractionOf(a)))).toBe(formatDecimal(roundPublished(a)));
        if (b.isZero()) return;
        expect(formatDecimal(roundFraction(ratioOf(a, b)))).toBe(formatDecimal(dividePublished(a, b)));
        const { numerator, denominator } = ratioOf(a, b);
        const same = fraction(numerator * scale, denominator * scale);
        expectFraction(same, ratioOf(a, b));
        expect(formatDecimal(roundFraction(same))).toBe(formatDecimal(dividePublished(a, b)));
      }),
    );
  });

  it("represent a rounded figure exactly", () => {
    const third = dividePublished(parseDecimal("1"), parseDecimal("3"));
    expectFraction(fractionOf(third), fraction(333333333333333333n, 10n ** 18n));
  });

  it("round half to even", () => {
    const at = (numerator: bigint, denominator: bigint, decimals: number) =>
      formatDecimal(roundFractionTo(fraction(numerator, denominator), decimals));
    expect([at(1n, 8n, 2), at(3n, 8n, 2), at(-1n, 8n, 2), at(2n, 3n, 6), at(-2n, 3n, 0)]).toEqual([
      "0.12",
      "0.38",
      "-0.12",
      "0.666667",
      "-1",
    ]);
  });
});

describe("the median", () => {
  const of = (...values: number[]): Fraction => medianOf(values.map((value) => fraction(BigInt(value), 1n)));

  it("is the middle value, or the mean of the middle two", () => {
    expectFraction(of(5), fraction(5n, 1n));
    expectFraction(of(9, 1, 5), fraction(5n, 1n));
    expectFraction(of(9, 1, 6, 5), fraction(11n, 2n));
    expectFraction(of(10, 9, 100), fraction(10n, 1n));
  });
});
