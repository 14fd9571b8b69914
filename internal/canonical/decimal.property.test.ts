import { Decimal as Reference } from "decimal.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Decimal,
  dividePublished,
  divideSignificant,
  formatDecimal,
  parseDecimal,
  roundPublished,
  shareOf,
  squareRootBelow,
} from "./decimal.ts";
import { InputError } from "./input-error.ts";
import { roundRatio, roundRatioTo } from "./integer.ts";

// The precision is large enough that only explicit rounding rounds.
const Oracle = Reference.clone({ precision: 1000, rounding: Reference.ROUND_HALF_EVEN, maxE: 1e6, minE: -1e6 });

const digits = (least: number, most: number) =>
  fc.stringMatching(new RegExp(`^[0-9]{${least},${most}}$`), { maxLength: most });
/** Digits that end in a tie, or slightly above or below one. */
const nearTie = fc
  .tuple(digits(0, 20), fc.constantFrom("5", "50", "500000000000", "5000000001", "4999999999", "9999999999", "000000"))
  .map((parts) => parts.join(""));

function decimalText(farthest: number) {
  const exponent = fc.integer({ min: -farthest, max: farthest }).map((power) => `e${power}`);
  return fc
    .tuple(
      fc.constantFrom("", "-", "+"),
      fc.oneof(digits(1, 40), nearTie),
      fc.oneof(fc.constant(""), digits(0, 40), nearTie).map((text) => `.${text}`),
      fc.oneof({ weight: 3, arbitrary: fc.constant("") }, exponent),
    )
    .map((parts) => parts.join(""));
}

const text = decimalText(60);
const farText = decimalText(9999);
const pairOfTexts = fc.oneof(
  fc.tuple(text, text),
  // The same or nearly the same value, in two notations.
  fc
    .tuple(digits(1, 30), digits(1, 30), fc.constantFrom("", "0", "000", "0001"))
    .map(([whole, part, more]): [string, string] => [`${whole}.${part}`, `0${whole}.${part}${more}`]),
);

/** Returns the model's result in plain notation. */
function plain(value: Reference): string {
  return value.isZero() ? "0" : value.toFixed();
}

function expectSame(ours: Decimal, theirs: Reference): void {
  expect(formatDecimal(ours)).toBe(plain(theirs));
}

describe("decimals agree with decimal.js", () => {
  it("when parsed and formatted, for any exponent", () => {
    fc.assert(
      fc.property(farText, (value) => {
        const [ours, theirs] = [parseDecimal(value), new Oracle(value)];
        expectSame(ours, theirs);
        expect(`${ours}`).toBe(formatDecimal(ours));
        expect(ours.decimalPlaces()).toBe(theirs.decimalPlaces());
        expect(ours.isZero()).toBe(theirs.isZero());
        expectSame(ours.abs(), theirs.abs());
      }),
    );
  });

  it("or are refused", () => {
    const almostNumber = fc.string({ unit: fc.constantFrom(..."0015.eE+-"), maxLength: 12 });
    fc.assert(
      fc.property(almostNumber, (value) => {
        let ours: Decimal;
        try {
          ours = parseDecimal(value);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          return;
        }
        expectSame(ours, new Oracle(value));
      }),
      { numRuns: 2_000, examples: [["-.0"], [".0"], ["-0"], ["5."], ["+.5e-1"], ["00e9999"]] },
    );
  });

  it("when added, subtracted and multiplied", () => {
    fc.assert(
      fc.property(pairOfTexts, ([a, b]) => {
        const [ours, theirs] = [parseDecimal(a), new Oracle(a)];
        expectSame(ours.plus(parseDecimal(b)), theirs.plus(b));
        expectSame(ours.minus(parseDecimal(b)), theirs.minus(b));
        expectSame(ours.times(parseDecimal(b)), theirs.times(b));
      }),
    );
  });

  it("when combined with numbers and texts", () => {
    fc.assert(
      fc.property(text, fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), text), (a, b) => {
        expectSame(parseDecimal(a).times(b), new Oracle(a).times(b));
        expect(parseDecimal(a).lt(b)).toBe(new Oracle(a).lt(b));
      }),
      { numRuns: 300 },
    );
    expect(() => parseDecimal("1").plus(Number.NaN)).toThrow(InputError);
  });

  it.each([
    ["with similar exponents", pairOfTexts],
    ["with very different exponents", fc.tuple(farText, farText)],
  ])("when compared, %s", (_, texts) => {
    fc.assert(
      fc.property(texts, ([a, b]) => {
        const [ours, theirs, other] = [parseDecimal(a), new Oracle(a), parseDecimal(b)];
        expect([ours.equals(other), ours.eq(other)]).toEqual([theirs.equals(b), theirs.eq(b)]);
        expect([ours.lessThan(other), ours.lt(other), ours.lte(other)]).toEqual([
          theirs.lt(b),
          theirs.lt(b),
          theirs.lte(b),
        ]);
        expect([ours.greaterThan(other), ours.gt(other), ours.gte(other)]).toEqual([
          theirs.gt(b),
          theirs.gt(b),
          theirs.gte(b),
        ]);
      }),
    );
  });

  it("when rounded to a number of decimals or digits", () => {
    fc.assert(
      fc.property(text, fc.nat(40), (value, count) => {
        const [ours, theirs] = [parseDecimal(value), new Oracle(value)];
        expectSame(ours.toDecimalPlaces(count), theirs.toDecimalPlaces(count));
        // decimal.js keeps the sign of zero.
        if (!theirs.isZero()) expect(ours.toFixed(count)).toBe(theirs.toFixed(count));
        expect(ours.toPrecision(count + 1)).toBe(theirs.toPrecision(count + 1));
        expectSame(roundPublished(ours), theirs.toSignificantDigits(18));
      }),
      { numRuns: 1_000 },
    );
  });

  it("when divided", () => {
    // Quotients near a tie of the 18th digit, and arbitrary ones.
    const nearTies = fc
      .tuple(digits(17, 18), nearTie, fc.bigInt({ min: 1n, max: 10n ** 30n }))
      .map(([head, tail, by]): [string, string] => [`${BigInt(`1${head}${tail}`) * by}`, `-${by}e-7`]);
    fc.assert(
      fc.property(fc.oneof(fc.tuple(text, text), nearTies), fc.nat(90), ([a, b], count) => {
        const [dividend, divisor] = [parseDecimal(a), parseDecimal(b)];
        if (divisor.isZero()) {
          expect(() => dividePublished(dividend, divisor)).toThrow(RangeError);
          expect(formatDecimal(shareOf(dividend, divisor))).toBe("0");
          return;
        }
        const exact = new Oracle(a).div(b);
        const rounded = (places: number) => Oracle.clone({ precision: places }).div(a, b);
        expectSame(dividePublished(dividend, divisor), rounded(18));
        expectSame(divideSignificant(dividend, divisor, count + 1), rounded(count + 1));
        expectSame(shareOf(dividend, divisor), exact.toDecimalPlaces(6));
      }),
      { numRuns: 1_000 },
    );
  });

  it("when a ratio of whole numbers is rounded", () => {
    const whole = fc.bigInt({ min: -(10n ** 400n), max: 10n ** 400n });
    const by = fc.oneof(whole, fc.constantFrom(1n, -1n, 2n, 4n, 10n ** 20n, 8n * 10n ** 350n)).filter((n) => n !== 0n);
    fc.assert(
      fc.property(fc.oneof(whole, fc.bigInt(-1000n, 1000n)), by, fc.nat(50), (numerator, denominator, count) => {
        const [a, b] = [numerator.toString(), denominator.toString()];
        const { units, scale } = roundRatio(numerator, denominator, count + 1);
        expectSame(new Decimal(units, scale), Oracle.clone({ precision: count + 1 }).div(a, b));
        const rounded = new Decimal(roundRatioTo(numerator, denominator, count), count);
        expectSame(rounded, new Oracle(a).div(b).toDecimalPlaces(count));
      }),
    );
  });

  it("when the square root is taken", () => {
    const square = fc.tuple(digits(1, 60), fc.nat(20)).map(([root, scale]) => `${BigInt(root) ** 2n}e-${scale}`);
    fc.assert(
      fc.property(fc.oneof(text, square), fc.integer({ min: 1, max: 200 }), (value, count) => {
        const positive = value.replace("-", "");
        const down = Oracle.clone({ precision: count, rounding: Reference.ROUND_DOWN });
        expectSame(squareRootBelow(parseDecimal(positive), count), down.sqrt(positive));
      }),
      { numRuns: 500 },
    );
    expect(() => squareRootBelow(parseDecimal("-1"), 60)).toThrow(RangeError);
  });
});
