import { plainText, withoutTrailingZeros } from "./decimal-text.ts";
import { InputError } from "./input-error.ts";
import { digitCount, divideHalfEven, magnitude, powerOfTen, roundRatio, roundRatioTo, squareRoot } from "./integer.ts";

/** Significant digits of a published price or USD volume. */
export const PUBLISHED_DIGITS = 18;
/** Decimals of a published share. */
export const SHARE_DECIMALS = 6;

const DECIMAL_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
const MAX_TEXT_LENGTH = 400;
/** `toPrecision` writes numbers below 10^this in scientific notation. */
const MIN_PLAIN_EXPONENT = -6;

/** An operand; a number means the decimal of its shortest round-trip text. */
type Operand = Decimal | number | string;

/**
 * The exact number `units · 10^-scale`. Only methods that say so round. Equal values may have different scales; compare
 * them with {@link Decimal.equals}.
 */
export class Decimal {
  readonly units: bigint;
  /** May be negative. */
  readonly scale: number;

  constructor(units: bigint, scale: number) {
    this.units = units;
    this.scale = scale;
  }

  plus(other: Operand): Decimal {
    const value = decimalOf(other);
    if (this.scale === value.scale) return new Decimal(this.units + value.units, this.scale);
    const scale = Math.max(this.scale, value.scale);
    return new Decimal(unitsAt(this, scale) + unitsAt(value, scale), scale);
  }

  minus(other: Operand): Decimal {
    const { units, scale } = decimalOf(other);
    return this.plus(new Decimal(-units, scale));
  }

  times(other: Operand): Decimal {
    const { units, scale } = decimalOf(other);
    return new Decimal(this.units * units, this.scale + scale);
  }

  abs(): Decimal {
    return this.units < 0n ? new Decimal(-this.units, this.scale) : this;
  }

  isZero(): boolean {
    return this.units === 0n;
  }

  equals(other: Operand): boolean {
    return compare(this, other) === 0;
  }

  eq(other: Operand): boolean {
    return this.equals(other);
  }

  lessThan(other: Operand): boolean {
    return compare(this, other) < 0;
  }

  lt(other: Operand): boolean {
    return this.lessThan(other);
  }

  lte(other: Operand): boolean {
    return compare(this, other) <= 0;
  }

  greaterThan(other: Operand): boolean {
    return compare(this, other) > 0;
  }

  gt(other: Operand): boolean {
    return this.greaterThan(other);
  }

  gte(other: Operand): boolean {
    return compare(this, other) >= 0;
  }

  /** Returns the number of decimals without trailing zeros. */
  decimalPlaces(): number {
    if (this.scale > 0 && this.units % 10n !== 0n) return this.scale;
    const text = this.toFixed();
    const point = text.indexOf(".");
    return point < 0 ? 0 : text.length - point - 1;
  }

  /** Rounds half-even to `decimals` decimals. */
  toDecimalPlaces(decimals: number): Decimal {
    return this.scale <= decimals ? this : roundTo(this, decimals);
  }

  /** Returns plain notation: exact without trailing zeros, or rounded half-even to `decimals` decimals. */
  toFixed(decimals?: number): string {
    if (decimals === undefined)
      return this.units === 0n ? "0" : withoutTrailingZeros(plainText(this.units, this.scale));
    const text = plainText(magnitude(roundTo(this, decimals).units), decimals);
    return this.units < 0n ? `-${text}` : text;
  }

  /** Returns exact plain notation, for `Number()` and template strings. */
  toString(): string {
    return this.toFixed();
  }

  /**
   * Rounds half-even to `digits` significant digits; scientific notation where plain notation would need more digits.
   */
  toPrecision(digits: number): string {
    const rounded = divideSignificant(this, ONE, digits);
    const exponent = digitCount(rounded.units) - 1 - rounded.scale;
    if (this.isZero()) return rounded.toFixed(digits - 1);
    if (MIN_PLAIN_EXPONENT <= exponent && exponent < digits) return rounded.toFixed(digits - 1 - exponent);
    const coefficient = new Decimal(rounded.units, rounded.scale + exponent);
    return `${coefficient.toFixed(digits - 1)}e${exponent < 0 ? "" : "+"}${exponent}`;
  }
}

export const ZERO: Decimal = new Decimal(0n, 0);
const ONE = new Decimal(1n, 0);

/** Returns an approximate float, for comparisons with a margin and for statistics; no published price comes from it. */
export function floatOfDecimal({ units, scale }: Decimal): number {
  return Number(units) / 10 ** scale;
}

/**
 * Parses a decimal exactly; scientific notation (`1.94E-7`) is allowed.
 * @throws InputError on anything else: an empty text, NaN, infinities, hex, more than 400 characters
 */
export function parseDecimal(text: string): Decimal {
  if (text.length > MAX_TEXT_LENGTH || !DECIMAL_TEXT.test(text)) {
    throw new InputError(`${JSON.stringify(text.slice(0, 60))} is not a decimal number, such as 0.5 or 1.94E-7`);
  }
  const mark = Math.max(text.indexOf("e"), text.indexOf("E"));
  const exponent = mark < 0 ? 0 : Number(text.slice(mark + 1));
  const digits = mark < 0 ? text : text.slice(0, mark);
  const point = digits.indexOf(".");
  if (point < 0) return new Decimal(BigInt(digits), -exponent);
  return new Decimal(BigInt(digits.slice(0, point) + digits.slice(point + 1)), digits.length - point - 1 - exponent);
}

/** Returns plain notation without exponent and trailing zeros. */
export function formatDecimal(value: Decimal): string {
  return value.toFixed();
}

/** Returns `dividend / divisor` rounded once, half-even, to the 18 significant digits of a published figure. */
export function dividePublished(dividend: Decimal, divisor: Decimal): Decimal {
  return divideSignificant(dividend, divisor, PUBLISHED_DIGITS);
}

/** Rounds half-even to the 18 significant digits of a published figure. */
export function roundPublished(value: Decimal): Decimal {
  return divideSignificant(value, ONE, PUBLISHED_DIGITS);
}

/** Returns `part / whole` rounded half-even to 6 decimals; 0 if `whole` is 0. */
export function shareOf(part: Decimal, whole: Decimal): Decimal {
  if (whole.isZero()) return ZERO;
  const scale = SHARE_DECIMALS + whole.scale - part.scale;
  return new Decimal(roundRatioTo(part.units, whole.units, scale), SHARE_DECIMALS);
}

/**
 * Returns `dividend / divisor` rounded half-even to `digits` significant digits. @throws RangeError if the divisor is 0
 */
export function divideSignificant(dividend: Decimal, divisor: Operand, digits: number): Decimal {
  const by = decimalOf(divisor);
  const { units, scale } = roundRatio(dividend.units, by.units, digits);
  return new Decimal(units, scale + dividend.scale - by.scale);
}

/** Returns the square root rounded down to `digits` significant digits. @throws RangeError if the value is negative */
export function squareRootBelow({ units, scale }: Decimal, digits: number): Decimal {
  if (units < 0n) throw new RangeError("the square root of a number below 0");
  // Two digits of the radicand give one digit of the root.
  const rootScale = digits - Math.ceil((digitCount(units) - scale) / 2);
  const shift = 2 * rootScale - scale;
  return new Decimal(squareRoot(shift < 0 ? units / powerOfTen(-shift) : units * powerOfTen(shift)), rootScale);
}

/** Returns the exact sum. */
export function sum(values: Iterable<Decimal>): Decimal {
  let total = ZERO;
  for (const value of values) total = total.plus(value);
  return total;
}

function decimalOf(value: Operand): Decimal {
  if (value instanceof Decimal) return value;
  return Number.isSafeInteger(value) ? new Decimal(BigInt(value), 0) : parseDecimal(String(value));
}

function compare(a: Decimal, other: Operand): number {
  const b = decimalOf(other);
  const scale = Math.max(a.scale, b.scale);
  const [one, two] = [unitsAt(a, scale), unitsAt(b, scale)];
  return one < two ? -1 : Number(one > two);
}

/** Returns the value in units of 10^-scale; `scale` must not be less than the value's own. */
function unitsAt(value: Decimal, scale: number): bigint {
  return value.scale === scale ? value.units : value.units * powerOfTen(scale - value.scale);
}

function roundTo({ units, scale }: Decimal, decimals: number): Decimal {
  if (scale <= decimals) return new Decimal(units * powerOfTen(decimals - scale), decimals);
  const step = powerOfTen(scale - decimals);
  return new Decimal(divideHalfEven(units, step), decimals);
}
