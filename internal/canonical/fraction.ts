import { type Decimal, dividePublished, divideTo, integerDecimal } from "./decimal.ts";

/** An exact ratio in lowest terms, for what no decimal can hold: a price before it is rounded. The denominator is above 0. */
export interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ONE: Fraction = { numerator: 1n, denominator: 1n };
const HALF: Fraction = { numerator: 1n, denominator: 2n };

/** `numerator / denominator` in lowest terms. The denominator is not 0. */
export function fraction(numerator: bigint, denominator: bigint): Fraction {
  const divisor = greatestCommonDivisor(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** The exact value of a decimal. */
export function fractionOf(value: Decimal): Fraction {
  const scale = value.decimalPlaces();
  return fraction(BigInt(value.toFixed(scale).replace(".", "")), 10n ** BigInt(scale));
}

/** `dividend / divisor`, exactly. The divisor is not 0. */
export function ratioOf(dividend: Decimal, divisor: Decimal): Fraction {
  return over(fractionOf(dividend), fractionOf(divisor));
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
export function roundFraction({ numerator, denominator }: Fraction): Decimal {
  return dividePublished(integerDecimal(numerator), integerDecimal(denominator));
}

/** Rounded half-even to so many decimals. */
export function roundFractionTo({ numerator, denominator }: Fraction, decimals: number): Decimal {
  return divideTo(integerDecimal(numerator), integerDecimal(denominator), decimals);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
