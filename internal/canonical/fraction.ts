import { Decimal, PUBLISHED_DIGITS } from "./decimal.ts";
import { magnitude, powerOfTen, roundRatio, roundRatioTo } from "./integer.ts";

/**
 * An exact ratio, for values that no decimal can represent, such as an unrounded price. The denominator is positive. It
 * need not be in lowest terms; compare with {@link compareFractions}.
 */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ONE: Fraction = { numerator: 1n, denominator: 1n };
// Reducing costs more than computing with long terms until chains of operations make the terms very long.
const REDUCTION_THRESHOLD = powerOfTen(300);
/** Significant digits that identify any float. */
const FLOAT_DIGITS = 17;
const HALF: Fraction = { numerator: 1n, denominator: 2n };

/** Returns the exact `numerator / denominator`. The denominator must not be 0. */
export function fraction(numerator: bigint, denominator: bigint): Fraction {
  if (denominator < 0n) return fraction(-numerator, -denominator);
  if (denominator < REDUCTION_THRESHOLD) return { numerator, denominator };
  const divisor = greatestCommonDivisor(magnitude(numerator), denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** Returns the exact value of a decimal. */
export function fractionOf({ units, scale }: Decimal): Fraction {
  return scale < 0 ? fraction(units * powerOfTen(-scale), 1n) : fraction(units, powerOfTen(scale));
}

/** Returns the exact `dividend / divisor`. The divisor must not be 0. */
export function ratioOf(dividend: Decimal, divisor: Decimal): Fraction {
  const shift = divisor.scale - dividend.scale;
  return shift < 0
    ? fraction(dividend.units, divisor.units * powerOfTen(-shift))
    : fraction(dividend.units * powerOfTen(shift), divisor.units);
}

export function plus(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function minus(a: Fraction, b: Fraction): Fraction {
  return plus(a, { numerator: -b.numerator, denominator: b.denominator });
}

export function times(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** Returns `a / b`; `b` must not be 0. */
export function over(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** A comparator: negative if a < b, positive if a > b, else 0. */
export function compareFractions(a: Fraction, b: Fraction): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : Number(difference > 0n);
}

/** Returns an approximate float, for statistics; no published price comes from it. */
export function floatOf({ numerator, denominator }: Fraction): number {
  const [dividend, divisor] = [Number(numerator), Number(denominator)];
  // Terms of more than 300 digits overflow a float although their ratio may not.
  return Number.isFinite(dividend) && Number.isFinite(divisor)
    ? dividend / divisor
    : Number(roundFractionDigits({ numerator, denominator }, FLOAT_DIGITS));
}

/** Returns |a − b|. */
export function distance(a: Fraction, b: Fraction): Fraction {
  return compareFractions(a, b) < 0 ? minus(b, a) : minus(a, b);
}

/** Returns the median of one or more values; for an even number, the mean of the middle two. */
export function medianOf(values: readonly Fraction[]): Fraction {
  const sorted = [...values].sort(compareFractions);
  const upper = sorted[Math.floor(sorted.length / 2)] as Fraction;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] as Fraction;
  return times(plus(lower, upper), HALF);
}

/** Rounds half-even to the 18 significant digits of a published figure. */
export function roundFraction(value: Fraction): Decimal {
  return roundFractionDigits(value, PUBLISHED_DIGITS);
}

/** Rounds half-even to `digits` significant digits. */
export function roundFractionDigits({ numerator, denominator }: Fraction, digits: number): Decimal {
  const { units, scale } = roundRatio(numerator, denominator, digits);
  return new Decimal(units, scale);
}

/** Rounds half-even to `decimals` decimals. */
export function roundFractionTo({ numerator, denominator }: Fraction, decimals: number): Decimal {
  return new Decimal(roundRatioTo(numerator, denominator, decimals), decimals);
}

/** Rounds a non-negative value up to `decimals` decimals. */
export function ceilFraction({ numerator, denominator }: Fraction, decimals: number): Decimal {
  return new Decimal((numerator * powerOfTen(decimals) + denominator - 1n) / denominator, decimals);
}

/** Euclid's algorithm for non-negative integers. */
function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
