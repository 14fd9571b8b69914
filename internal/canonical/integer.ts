const POWERS = Array.from({ length: 128 }, (_, exponent) => 10n ** BigInt(exponent));

/** 10^exponent; the exponent is not negative. */
export function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

/** |value| */
export function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** How many digits |value| is written with; 1 for 0. */
export function digitCount(value: bigint): number {
  const size = magnitude(value);
  const approximate = Number(size);
  if (!Number.isFinite(approximate)) return size.toString().length;
  if (approximate < 1) return 1;
  // A little low, for a float's logarithm may be off: exact, or one too few at a power of ten and just above it.
  const count = Math.floor(Math.log10(approximate) - 1e-9) + 1;
  return size < powerOfTen(count) ? count : count + 1;
}

/** `dividend / divisor` rounded to the nearest whole number, a tie to the even one. The divisor is above 0. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const remainder = dividend - quotient * divisor;
  if (remainder === 0n) return quotient;
  const twice = 2n * magnitude(remainder);
  if (twice < divisor || (twice === divisor && (quotient & 1n) === 0n)) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

/** A ratio rounded half-even to so many digits, as `units · 10^-scale`. @throws RangeError over 0 */
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

/** A ratio rounded half-even to so many decimals, in units of 10^-decimals. @throws RangeError over 0 */
export function roundRatioTo(numerator: bigint, denominator: bigint, decimals: number): bigint {
  const dividend = denominator < 0n ? -numerator : numerator;
  const divisor = magnitude(denominator);
  return decimals < 0
    ? divideHalfEven(dividend, divisor * powerOfTen(-decimals))
    : divideHalfEven(dividend * powerOfTen(decimals), divisor);
}

/** The largest whole number whose square is at most `value`, which is not negative. */
export function squareRoot(value: bigint): bigint {
  if (value === 0n) return 0n;
  let root = aboveRoot(value);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** A little above the square root, as near as a float tells: from there Newton's method comes down to it in few steps. */
function aboveRoot(value: bigint): bigint {
  const approximate = Number(value);
  // A float's root is off by less than 2^-52 of itself.
  if (Number.isFinite(approximate)) {
    const root = BigInt(Math.ceil(Math.sqrt(approximate)));
    return root + (root >> 50n) + 1n;
  }
  const half = BigInt(value.toString(16).length - 200) * 2n;
  return aboveRoot(value >> (2n * half)) << half;
}
