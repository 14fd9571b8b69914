import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dividePublished,
  formatDecimal,
  parseDecimal,
  roundPublished,
  shareOf,
  squareRootBelow,
  sum,
} from "./decimal.ts";

/** Digits and a scale: `units / 10^scale`. */
const parts = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 70n }), fc.integer({ min: 0, max: 30 }));

function textOf([units, scale]: [bigint, number]): string {
  const digits = units.toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  return scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** Returns dividend/divisor with `digits` significant digits, rounded half-even, using integers only. */
function divideHalfEven(dividend: bigint, divisor: bigint, digits: number): { units: bigint; exponent: number } {
  let exponent = 0;
  const limit = 10n ** BigInt(digits);
  const scaled = (e: number) =>
    (e >= 0 ? [dividend, divisor * 10n ** BigInt(e)] : [dividend * 10n ** BigInt(-e), divisor]) as [bigint, bigint];
  exponent = dividend.toString().length - divisor.toString().length - digits;
  for (;;) {
    const [n, d] = scaled(exponent);
    if (n / d >= limit) exponent++;
    else if (n / d < limit / 10n) exponent--;
    else break;
  }
  const [n, d] = scaled(exponent);
  const floor = n / d;
  const twice = (n % d) * 2n;
  const units = twice > d || (twice === d && floor % 2n === 1n) ? floor + 1n : floor;
  return { units, exponent };
}

describe("parseDecimal", () => {
  it.each([
    ["1.94E-7", "0.000000194"],
    ["+5", "5"],
    ["007.500", "7.5"],
    [".5", "0.5"],
    ["1e21", "1000000000000000000000"],
    ["-0", "0"],
  ])("reads %s as %s", (text, plain) => {
    expect(formatDecimal(parseDecimal(text))).toBe(plain);
  });

  it.each(["", "NaN", "Infinity", "0x10", "1_000", "1,5", " 1", "1e", "--1", "1e99999", "9".repeat(401)])(
    "refuses %j",
    (text) => {
      expect(() => parseDecimal(text)).toThrow(/is not a decimal number/);
    },
  );

  it("keeps all digits", () => {
    fc.assert(
      fc.property(parts, (value) => {
        const text = textOf(value);
        const trimmed = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
        expect(formatDecimal(parseDecimal(text))).toBe(trimmed);
      }),
    );
  });
});

describe("published figures", () => {
  it("divides exactly and rounds once, half-even, to 18 digits", () => {
    const positive = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 70n }), fc.integer({ min: 0, max: 30 }));
    fc.assert(
      fc.property(positive, positive, ([a, aScale], [b, bScale]) => {
        const quotient = dividePublished(parseDecimal(textOf([a, aScale])), parseDecimal(textOf([b, bScale])));
        const { units, exponent } = divideHalfEven(a * 10n ** BigInt(bScale), b * 10n ** BigInt(aScale), 18);
        expect(formatDecimal(quotient)).toBe(formatDecimal(parseDecimal(`${units}e${exponent}`)));
      }),
    );
  });

  it.each([
    ["1000000000000000005", "1000000000000000000"],
    ["1000000000000000015", "1000000000000000020"],
    ["1000000000000000005.000000001", "1000000000000000010"],
    ["0.1234567890123456785", "0.123456789012345678"],
  ])("rounds %s to %s", (text, rounded) => {
    expect(formatDecimal(roundPublished(parseDecimal(text)))).toBe(rounded);
  });

  it("rounds shares half-even to six decimals", () => {
    expect(formatDecimal(shareOf(parseDecimal("1"), parseDecimal("3")))).toBe("0.333333");
    expect(formatDecimal(shareOf(parseDecimal("0.0000005"), parseDecimal("1")))).toBe("0");
    expect(formatDecimal(shareOf(parseDecimal("0.0000015"), parseDecimal("1")))).toBe("0.000002");
    expect(formatDecimal(shareOf(parseDecimal("2"), parseDecimal("2")))).toBe("1");
  });
});

it("sums exactly in any order", () => {
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 50 }), (values) => {
      const total = values.reduce((units, [value, scale]) => units + value * 10n ** BigInt(30 - scale), 0n);
      const decimals = values.map((value) => parseDecimal(textOf(value)));
      expect(sum(decimals).equals(parseDecimal(textOf([total, 30])))).toBe(true);
      expect(sum(decimals.reverse()).equals(parseDecimal(textOf([total, 30])))).toBe(true);
    }),
  );
});

it("approximates a square root from below", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 80n }), (units) => {
      const value = parseDecimal(units.toString());
      const root = squareRootBelow(value, 60);
      expect(root.times(root).lte(value)).toBe(true);
      const above = root.times(parseDecimal("1").plus(parseDecimal("1e-58")));
      expect(above.times(above).greaterThan(value)).toBe(true);
    }),
  );
});
