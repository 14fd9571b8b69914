import { plainText, withoutTrailingZeros } from "./decimal-text.ts";
import { InputError } from "./input-error.ts";
import { digitCount, divideHalfEven, magnitude, powerOfTen, roundRatio, roundRatioTo, squareRoot } from "./integer.ts";

/** Significant digits of a published price or USD volume. */
export const PUBLISHED_DIGITS = 18;
/** Decimals of a published share. */
export const SHARE_DECIMALS = 6;

const DECIMAL_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
const LONGEST_TEXT = 400;
/** A number of fixed precision below 10^this is written in scientific notation. */
const LEAST_PLAIN_EXPONENT = -6;

/** What can stand beside a decimal: numbers count as the shortest text that gives them. */
type Operand = Decimal | number | string;

/**
 * `units · 10^-scale`, exactly. Nothing but what says so rounds. Equal values may be held with different scales; see
 * {@link Decimal.equals}.
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

  /** How many decimals the value needs. */
  decimalPlaces(): number {
    if (this.scale > 0 && this.units % 10n !== 0n) return this.scale;
    const text = this.toFixed();
    const point = text.indexOf(".");
    return point < 0 ? 0 : text.length - point - 1;
  }

  /** Rounded half-even to so many decimals. */
  toDecimalPlaces(decimals: number): Decimal {
    return this.scale <= decimals ? this : roundTo(this, decimals);
  }

  /** Plain notation: all decimals there are, without trailing zeros, or so many, rounded half-even. */
  toFixed(decimals?: number): string {
    if (decimals === undefined)
      return this.units === 0n ? "0" : withoutTrailingZeros(plainText(this.units, this.scale));
    const text = plainText(magnitude(roundTo(this, decimals).units), decimals);
    return this.units < 0n ? `-${text}` : text;
  }

  /** Plain notation, for `Number()` and templates. */
  toString(): string {
    return this.toFixed();
  }

  /** So many significant digits, rounded half-even; in scientific notation where plain would need more digits. */
  toPrecision(digits: number): string {
    const rounded = divideSignificant(this, ONE, digits);
    const exponent = digitCount(rounded.units) - 1 - rounded.scale;
    if (this.isZero()) return rounded.toFixed(digits - 1);
    if (LEAST_PLAIN_EXPONENT <= exponent && exponent < digits) return rounded.toFixed(digits - 1 - exponent);
    const coefficient = new Decimal(rounded.units, rounded.scale + exponent);
    return `${coefficient.toFixed(digits - 1)}e${exponent < 0 ? "" : "+"}${exponent}`;
  }
}

export const ZERO: Decimal = new Decimal(0n, 0);
const ONE = new Decimal(1n, 0);

/** The number that a threshold nearly is, for comparisons with a margin: nothing that is published comes from it. */
export function floatOfDecimal({ units, scale }: Decimal): number {
  return Number(units) / 10 ** scale;
}

/**
 * The exact decimal that `text` writes; scientific notation is read (`1.94E-7`), nothing is rounded.
 * @throws InputError on anything else: an empty text, NaN, infinities, hex, more than 400 characters
 */
export function parseDecimal(text: string): Decimal {
  if (text.length > LONGEST_TEXT || !DECIMAL_TEXT.test(text)) {
    throw new InputError(`${JSON.stringify(text.slice(0, 60))} is not a decimal number, such as 0.5 or 1.94E-7`);
  }
  const mark = Math.max(text.indexOf("e"), text.indexOf("E"));
  const exponent = mark < 0 ? 0 : Number(text.slice(mark + 1));
  const digits = mark < 0 ? text : text.slice(0, mark);
  const point = digits.indexOf(".");
  if (point < 0) return new Decimal(BigInt(digits), -exponent);
  return new Decimal(BigInt(digits.slice(0, point) + digits.slice(point + 1)), digits.length - point - 1 - exponent);
}

/** Plain notation: no exponent, no trailing zeros. */
export function formatDecimal(value: Decimal): string {
  return value.toFixed();
}

/** `dividend / divisor`, rounded once, half-even, to the 18 significant digits of a published figure. */
export function dividePublished(dividend: Decimal, divisor: Decimal): Decimal {
  return divideSignificant(dividend, divisor, PUBLISHED_DIGITS);
}

/** `value` rounded half-even to the 18 significant digits of a published figure. */
export function roundPublished(value: Decimal): Decimal {
  return divideSignificant(value, ONE, PUBLISHED_DIGITS);
}

/** `part / whole` rounded half-even to 6 decimals; 0 of 0 is 0. */
export function shareOf(part: Decimal, whole: Decimal): Decimal {
  if (whole.isZero()) return ZERO;
  const scale = SHARE_DECIMALS + whole.scale - part.scale;
  return new Decimal(roundRatioTo(part.units, whole.units, scale), SHARE_DECIMALS);
}

/** `dividend / divisor` rounded half-even to so many significant digits. @throws RangeError where the divisor is 0 */
export function divideSignificant(dividend: Decimal, divisor: Operand, digits: number): Decimal {
  const by = decimalOf(divisor);
  const { units, scale } = roundRatio(dividend.units, by.units, digits);
  return new Decimal(units, scale + dividend.scale - by.scale);
}

/** The square root, rounded down to `digits` significant digits. @throws RangeError where the value is below 0 */
export function squareRootBelow({ units, scale }: Decimal, digits: number): Decimal {
  if (units < 0n) throw new RangeError("the square root of a number below 0");
  // Two digits of the value give one of the root.
  const rootScale = digits - Math.ceil((digitCount(units) - scale) / 2);
  const shift = 2 * rootScale - scale;
  return new Decimal(squareRoot(shift < 0 ? units / powerOfTen(-shift) : units * powerOfTen(shift)), rootScale);
}

/** The exact sum. */
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

/** How many 10^-scale the value is; the scale is at least the value's own. */
function unitsAt(value: Decimal, scale: number): bigint {
  return value.scale === scale ? value.units : value.units * powerOfTen(scale - value.scale);
}

function roundTo({ units, scale }: Decimal, decimals: number): Decimal {
  if (scale <= decimals) return new Decimal(units * powerOfTen(decimals - scale), decimals);
  const step = powerOfTen(scale - decimals);
  return new Decimal(divideHalfEven(units, step), decimals);
}
