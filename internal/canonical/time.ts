import { InputError } from "./input-error.ts";

/**
 * A point in time or a duration, in microseconds; times count from 1970-01-01T00:00:00Z. A `Date` has only
 * milliseconds.
 */
export type Micros = bigint;

export const MICROS_PER_SECOND = 1_000_000n;

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)$/;

/**
 * Parses an RFC 3339 time with a zone (`Z` or an offset). Digits finer than a microsecond are truncated.
 * @throws InputError where the text is not such a time
 */
export function parseTime(text: string): Micros {
  const refuse = (): never => {
    throw new InputError(
      `${JSON.stringify(text.slice(0, 60))} is not a time with a zone, such as 2026-08-09T22:30:00Z`,
    );
  };
  const match = RFC3339.exec(text);
  if (match === null) return refuse();
  const [, year, month, day, hour, minute, second, fraction = "", , sign, offsetHours = "0", offsetMinutes = "0"] =
    match;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  // Date.UTC maps the years 0 to 99 to 1900 to 1999.
  if (Number(year) < 100) date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isRealDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  if (!isRealDay || hours > 23 || minutes > 59 || seconds > 59) return refuse();
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return refuse();
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -60 : 60);
  const inSeconds = date.getTime() / 1000 + hours * 3600 + minutes * 60 + seconds - offset;
  return BigInt(inSeconds) * MICROS_PER_SECOND + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}

/** Formats as RFC 3339 in UTC with `Z`; the fraction has no trailing zeros and is omitted if 0. */
export function formatTime(time: Micros): string {
  const seconds = floorDiv(time, MICROS_PER_SECOND);
  const micros = time - seconds * MICROS_PER_SECOND;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  return micros === 0n ? `${whole}Z` : `${whole}.${micros.toString().padStart(6, "0").replace(/0+$/, "")}Z`;
}

/** Returns the largest multiple of `step` since the epoch that is at or before `time`. */
export function floorTo(time: Micros, step: Micros): Micros {
  return floorDiv(time, step) * step;
}

/** Returns the smallest multiple of `step` since the epoch that is at or after `time`. */
export function ceilTo(time: Micros, step: Micros): Micros {
  return -floorDiv(-time, step) * step;
}

/** Returns the earlier of two times; `Math.min` does not accept bigint. */
export function earlierOf(a: Micros, b: Micros): Micros {
  return a > b ? b : a;
}

/** Returns the later of two times. */
export function laterOf(a: Micros, b: Micros): Micros {
  return a > b ? a : b;
}

/** Converts whole seconds to microseconds. */
export function seconds(count: number): Micros {
  return BigInt(count) * MICROS_PER_SECOND;
}

function floorDiv(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}
