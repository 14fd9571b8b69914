import fc from "fast-check";
import { expect, it } from "vitest";
import { digitCount, divideHalfEven, squareRoot } from "./integer.ts";

const SIZES = Array.from({ length: 700 }, (_, exponent) => 10n ** BigInt(exponent));

it("counts digits, also next to powers of ten", () => {
  for (const power of SIZES) {
    for (const value of [power - 1n, power, power + 1n, -power]) {
      expect(digitCount(value)).toBe(value.toString().replace("-", "").length);
    }
  }
  fc.assert(
    fc.property(fc.bigInt(), (value) => {
      expect(digitCount(value)).toBe(value.toString().replace("-", "").length);
    }),
  );
});

it("divides with rounding half-even, symmetrically around zero", () => {
  const rounded = (divisor: bigint, ...dividends: bigint[]) => dividends.map((each) => divideHalfEven(each, divisor));
  expect(rounded(2n, 0n, 1n, 2n, 3n, 5n, 7n)).toEqual([0n, 0n, 1n, 2n, 2n, 4n]);
  expect(rounded(2n, -1n, -2n, -3n, -5n, -7n)).toEqual([0n, -1n, -2n, -2n, -4n]);
  expect(rounded(3n, 1n, 2n, 4n, 5n, -1n, -2n, -4n, -5n)).toEqual([0n, 1n, 1n, 2n, 0n, -1n, -1n, -2n]);
});

it("computes integer square roots of any length", () => {
  const expectRoot = (value: bigint): void => {
    const root = squareRoot(value);
    expect(root * root <= value && value < (root + 1n) * (root + 1n)).toBe(true);
  };
  for (const power of SIZES) for (const value of [power - 1n, power, power + 1n]) expectRoot(value);
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 500n }), (root) => {
      for (const value of [root, root * root - 1n, root * root, root * root + 1n]) expectRoot(value);
    }),
  );
});
