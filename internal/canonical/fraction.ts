import { Decimal, PUBLISHED_DIGITS } from "./decimal.ts";
import { magnitude, powerOfTen, roundRatio, roundRatioTo } from "./integer.ts";

/**
 * An exact ratio, for what no decimal can hold: a price before it is rounded. The denominator is above 0. It need not be
 * in lowest terms: {@link compareFractions} tells whether two are equal.
 */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ONE: Fraction = { numerator: 1n, denominator: 1n };
// To reduce costs more than to go on with long terms, until chains of operations make them very long.
const REDUCED_FROM = powerOfTen(300);
/** Significant digits that tell any float from the next. */
const FLOAT_DIGITS = 17;
const HALF: Fraction = { numerator: 1n, denominator: 2n };

/** `numerator / denominator`, exactly. The denominator is not 0. */
export function fraction(numerator: bigint, denominator: bigint): Fraction {
  if (denominator < 0n) return fraction(-numerator, -denominator);
  if (denominator < REDUCED_FROM) return { numerator, denominator };
  const divisor = greatestCommonDivisor(magnitude(numerator), denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The exact value of a decimal. */
export function fractionOf({ units, scale }: Decimal): Fraction {
  return scale < 0 ? fraction(units * powerOfTen(-scale), 1n) : fraction(units, powerOfTen(scale));
}

/** `dividend / divisor`, exactly. The divisor is not 0. */
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

/** `a / b`; b is not 0. */
export function over(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** Below 0 where a < b, above 0 where a > b, else 0. */
export function compareFractions(a: Fraction, b: Fraction): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : Number(difference > 0n);
}

/** The nearest number or one beside it, for statistics: nothing that is published comes from it. */
export function floatOf({ numerator, denominator }: Fraction): number {
  const [up, down] = [Number(numerator), Number(denominator)];
  // Terms of more than 300 digits are beyond a float, which their ratio need not be.
  return Number.isFinite(up) && Number.isFinite(down)
    ? up / down
    : Number(roundFractionDigits({ numerator, denominator }, FLOAT_DIGITS));
}

/** |a − b| */
export function distance(a: Fraction, b: Fraction): Fraction {
  return compareFractions(a, b) < 0 ? minus(b, a) : minus(a, b);
}

/** The middle of some values, at least one; of an even number, the mean of the middle two. */
export function medianOf(values: readonly Fraction[]): Fraction {
  const sorted = [...values].sort(compareFractions);
  const upper = sorted[Math.floor(sorted.length / 2)] as Fraction;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] as Fraction;
  return times(plus(lower, upper), HALF);
}

/** Rounded half-even to the 18 significant digits of a published figure. */
export function roundFraction(value: Fraction): Decimal {
  return roundFractionDigits(value, PUBLISHED_DIGITS);
}

/** Rounded half-even to so many significant digits. */
export function roundFractionDigits({ numerator, denominator }: Fraction, digits: number): Decimal {
  const { units, scale } = roundRatio(numerator, denominator, digits);
  return new Decimal(units, scale);
}

/** Rounded half-even to so many decimals. */
export function roundFractionTo({ numerator, denominator }: Fraction, decimals: number): Decimal {
  return new Decimal(roundRatioTo(numerator, denominator, decimals), decimals);
}

/** The least decimal with so many decimals that is not below the value, which is not negative. */
export function ceilFraction({ numerator, denominator }: Fraction, decimals: number): Decimal {
  return new Decimal((numerator * powerOfTen(decimals) + denominator - 1n) / denominator, decimals);
}

/** Of two whole numbers that are not negative. */
function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
