const POWERS = Array.from({ length: 128 }, (_, exponent) => 10n ** BigInt(exponent));

/** Returns 10^exponent; the exponent must not be negative. */
export function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

/** Returns |value|. */
export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Returns the number of decimal digits of |value|; 1 for 0. */
export function digitCount(value: bigint): number {
  const size = magnitude(value);
  const approximate = Number(size);
  if (!Number.isFinite(approximate)) return size.toString().length;
  if (approximate < 1) return 1;
  // Log10 of a float is inexact. Biased down, the count is exact or, at or just above a power of ten, one too low.
  const count = Math.floor(Math.log10(approximate) - 1e-9) + 1;
  return size < powerOfTen(count) ? count : count + 1;
}

/** Returns `dividend / divisor` rounded half-even to an integer. The divisor must be positive. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const remainder = dividend - quotient * divisor;
  if (remainder === 0n) return quotient;
  const twice = 2n * magnitude(remainder);
  if (twice < divisor || (twice === divisor && (quotient & 1n) === 0n)) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

/**
 * Rounds a ratio half-even to `digits` significant digits, as `units · 10^-scale`. @throws RangeError if divided by 0
 */
export function roundRatio(
  numerator: bigint,
  denominator: bigint,
  digits: number,
): { readonly units: bigint; readonly scale: number } {
  const [size, by] = [magnitude(numerator), magnitude(denominator)];
  // size / by lies between 10^(exponent - 1) and 10^(exponent + 1).
  const exponent = digitCount(size) - digitCount(by);
  const reaches = exponent < 0 ? size * powerOfTen(-exponent) >= by : size >= by * powerOfTen(exponent);
  const scale = digits - exponent - (reaches ? 1 : 0);
  return { units: roundRatioTo(numerator, denominator, scale), scale };
}

/** Rounds a ratio half-even to `decimals` decimals, in units of 10^-decimals. @throws RangeError if divided by 0 */
export function roundRatioTo(numerator: bigint, denominator: bigint, decimals: number): bigint {
  const dividend = denominator < 0n ? -numerator : numerator;
  const divisor = magnitude(denominator);
  return decimals < 0
    ? divideHalfEven(dividend, divisor * powerOfTen(-decimals))
    : divideHalfEven(dividend * powerOfTen(decimals), divisor);
}

/** Returns the integer square root, rounded down, of a non-negative value. */
export function squareRoot(value: bigint): bigint {
  if (value === 0n) return 0n;
  let root = rootUpperBound(value);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** Returns a close upper bound of the square root, from which Newton's method converges in few steps. */
function rootUpperBound(value: bigint): bigint {
  const approximate = Number(value);
  // The relative error of a float square root is below 2^-52.
  if (Number.isFinite(approximate)) {
    const root = BigInt(Math.ceil(Math.sqrt(approximate)));
    return root + (root >> 50n) + 1n;
  }
  const half = BigInt(value.toString(16).length - 200) * 2n;
  return rootUpperBound(value >> (2n * half)) << half;
}
