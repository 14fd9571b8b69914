import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dividePublished, formatDecimal, parseDecimal, roundPublished } from "./decimal.ts";
import {
  compareFractions,
  distance,
  type Fraction,
  fraction,
  fractionOf,
  medianOf,
  minus,
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
  it("are in lowest terms over a denominator above 0", () => {
    expect(fraction(6n, -4n)).toEqual({ numerator: -3n, denominator: 2n });
    expect(fraction(0n, 7n)).toEqual({ numerator: 0n, denominator: 1n });
  });

  it("compute as numbers do", () => {
    fc.assert(
      fc.property(anyFraction, anyFraction, anyFraction, (a, b, c) => {
        expect(plus(a, b)).toEqual(plus(b, a));
        expect(times(a, plus(b, c))).toEqual(plus(times(a, b), times(a, c)));
        expect(plus(minus(a, b), b)).toEqual(a);
        if (b.numerator !== 0n) expect(times(over(a, b), b)).toEqual(a);
        expect(Math.sign(compareFractions(a, b))).toBe(-Math.sign(compareFractions(b, a)) + 0);
        expect(compareFractions(distance(a, b), fraction(0n, 1n))).toBe(compareFractions(a, b) === 0 ? 0 : 1);
        expect(distance(a, b)).toEqual(distance(b, a));
      }),
    );
  });

  it("hold decimals exactly, and round as those do", () => {
    fc.assert(
      fc.property(decimal, decimal, fc.bigInt({ min: 1n, max: 10n ** 20n }), (a, b, scale) => {
        expect(formatDecimal(roundFraction(fractionOf(a)))).toBe(formatDecimal(roundPublished(a)));
        if (b.isZero()) return;
        expect(formatDecimal(roundFraction(ratioOf(a, b)))).toBe(formatDecimal(dividePublished(a, b)));
        const { numerator, denominator } = ratioOf(a, b);
        expect(fraction(numerator * scale, denominator * scale)).toEqual(ratioOf(a, b));
      }),
    );
  });

  it("hold a figure that was rounded before", () => {
    const third = dividePublished(parseDecimal("1"), parseDecimal("3"));
    expect(fractionOf(third)).toEqual(fraction(333333333333333333n, 10n ** 18n));
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
    expect(of(5)).toEqual(fraction(5n, 1n));
    expect(of(9, 1, 5)).toEqual(fraction(5n, 1n));
    expect(of(9, 1, 6, 5)).toEqual(fraction(11n, 2n));
    expect(of(10, 9, 100)).toEqual(fraction(10n, 1n));
  });
});
