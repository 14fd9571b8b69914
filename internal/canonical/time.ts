import { InputError } from "./input-error.ts";

/** A moment as microseconds since 1970-01-01T00:00:00Z. A `Date` would lose the microseconds. */
export type Micros = bigint;

export const MICROS_PER_SECOND = 1_000_000n;

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)$/;

/**
 * Reads an RFC 3339 moment with its zone (`Z` or an offset). Fractions finer than a microsecond are cut, never rounded.
 * @throws InputError where the text is no such moment
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
  // Date.UTC takes the years 0 to 99 for those of the twentieth century.
  if (Number(year) < 100) date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isRealDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second)];
  if (!isRealDay || hours > 23 || minutes > 59 || seconds > 59) return refuse();
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return refuse();
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === "-" ? -60 : 60);
  const inSeconds = date.getTime() / 1000 + hours * 3600 + minutes * 60 + seconds - offset;
  return BigInt(inSeconds) * MICROS_PER_SECOND + BigInt(fraction.slice(0, 6).padEnd(6, "0"));
}

/** RFC 3339 in UTC with `Z`; a fraction only where it is not zero, without trailing zeros. */
export function formatTime(time: Micros): string {
  const seconds = floorDiv(time, MICROS_PER_SECOND);
  const micros = time - seconds * MICROS_PER_SECOND;
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -".000Z".length);
  return micros === 0n ? `${whole}Z` : `${whole}.${micros.toString().padStart(6, "0").replace(/0+$/, "")}Z`;
}

/** The largest multiple of `step` at or before `time`, counted from the epoch. */
export function floorTo(time: Micros, step: Micros): Micros {
  return floorDiv(time, step) * step;
}

/** The smallest multiple of `step` at or after `time`, counted from the epoch. */
export function ceilTo(time: Micros, step: Micros): Micros {
  return -floorDiv(-time, step) * step;
}

/** The earlier of two moments; `Math.min` takes no bigint. */
export function earlierOf(a: Micros, b: Micros): Micros {
  return a > b ? b : a;
}

/** The later of two moments. */
export function laterOf(a: Micros, b: Micros): Micros {
  return a > b ? a : b;
}

/** Whole seconds as microseconds. */
export function seconds(count: number): Micros {
  return BigInt(count) * MICROS_PER_SECOND;
}

function floorDiv(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}
