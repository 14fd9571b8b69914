import { Decimal } from "decimal.js";
import { InputError } from "./input-error.ts";

/** Significant digits of a published price or USD volume. */
export const PUBLISHED_DIGITS = 18;
/** Decimals of a published share. */
export const SHARE_DECIMALS = 6;

// Sums of squares of 30-decimal prices over 1e12 trades stay below 300 digits; at 1000 no +, - or * ever rounds.
const EXACT = Decimal.clone({ precision: 1000, rounding: Decimal.ROUND_HALF_EVEN });
const PUBLISHED = Decimal.clone({ precision: PUBLISHED_DIGITS, rounding: Decimal.ROUND_HALF_EVEN });

const DECIMAL_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
const LONGEST_TEXT = 400;

export type { Decimal };

export const ZERO: Decimal = new EXACT(0);

/**
 * The exact decimal that `text` writes; scientific notation is read (`1.94E-7`), nothing is rounded.
 * @throws InputError on anything else: an empty text, NaN, infinities, hex, more than 400 characters
 */
export function parseDecimal(text: string): Decimal {
  if (text.length > LONGEST_TEXT || !DECIMAL_TEXT.test(text)) {
    throw new InputError(`${JSON.stringify(text.slice(0, 60))} is not a decimal number, such as 0.5 or 1.94E-7`);
  }
  return new EXACT(text);
}

/** The decimal of a whole number, of any length. */
export function integerDecimal(units: bigint): Decimal {
  return new EXACT(units.toString());
}

/** Plain notation: no exponent, no trailing zeros. */
export function formatDecimal(value: Decimal): string {
  return value.isZero() ? "0" : value.toFixed();
}

/** `dividend / divisor`, rounded once, half-even, to the 18 significant digits of a published figure. */
export function dividePublished(dividend: Decimal, divisor: Decimal): Decimal {
  return PUBLISHED.div(dividend, divisor);
}

/** `value` rounded half-even to the 18 significant digits of a published figure. */
export function roundPublished(value: Decimal): Decimal {
  return value.toSignificantDigits(PUBLISHED_DIGITS, Decimal.ROUND_HALF_EVEN);
}

/** `part / whole` rounded half-even to 6 decimals; 0 of 0 is 0. */
export function shareOf(part: Decimal, whole: Decimal): Decimal {
  return whole.isZero() ? ZERO : divideTo(part, whole, SHARE_DECIMALS);
}

/** `dividend / divisor` rounded half-even to so many decimals. */
export function divideTo(dividend: Decimal, divisor: Decimal, decimals: number): Decimal {
  // Operands have some hundred digits, so a quotient kept to 1000 cannot look like a tie without being one.
  return EXACT.div(dividend, divisor).toDecimalPlaces(decimals, Decimal.ROUND_HALF_EVEN);
}

/** The square root, rounded down to `digits` significant digits. */
export function squareRootBelow(value: Decimal, digits: number): Decimal {
  return new EXACT(Decimal.clone({ precision: digits, rounding: Decimal.ROUND_DOWN }).sqrt(value));
}

/** The exact sum. */
export function sum(values: Iterable<Decimal>): Decimal {
  let total = ZERO;
  for (const value of values) total = total.plus(value);
  return total;
}
