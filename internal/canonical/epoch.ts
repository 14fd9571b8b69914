import { InputError, quoted } from "./input-error.ts";
import { formatTime, type Micros } from "./time.ts";

/**
 * Units of times that are numbers since 1970: digits of a number from 2001 to 2286, and the decimals that a microsecond
 * is of the unit.
 */
export const TIME_UNITS = {
  s: { name: "seconds", digits: 10, decimals: 6 },
  ms: { name: "milliseconds", digits: 13, decimals: 3 },
  us: { name: "microseconds", digits: 16, decimals: 0 },
  ns: { name: "nanoseconds", digits: 19, decimals: -3 },
} as const;

export type TimeUnit = keyof typeof TIME_UNITS;

const EPOCH = /^(\d{1,20})(?:\.(\d{0,20}))?$/;

/** Returns whether a text is a number since 1970 rather than a date. */
export function isEpoch(text: string): boolean {
  return EPOCH.test(text);
}

/**
 * Parses a number since 1970, exactly; what is finer than a microsecond is cut.
 * @throws InputError where the text is not such a number
 */
export function readEpoch(text: string, unit: TimeUnit): Micros {
  const [, whole = "", fraction = ""] = EPOCH.exec(text) ?? [];
  if (whole === "") {
    throw new InputError(`${quoted(text)} is not a number of ${TIME_UNITS[unit].name} since 1970`);
  }
  const { decimals } = TIME_UNITS[unit];
  return decimals < 0
    ? BigInt(whole) / 10n ** BigInt(-decimals)
    : BigInt(whole + fraction.padEnd(decimals, "0").slice(0, decimals));
}

/**
 * Parses a number since 1970 and checks that it has the digits of its unit. Times from 2001 to 2286 have one number of
 * digits in each unit, so that a number of another unit is noticed.
 * @param fewer how many digits less are accepted; 1 for times from 1973 on
 * @throws InputError where the number has the digits of another unit
 */
export function readCheckedEpoch(text: string, unit: TimeUnit, fewer = 0): Micros {
  const time = readEpoch(text, unit);
  const { name, digits } = TIME_UNITS[unit];
  const found = text.split(".")[0]?.length ?? 0;
  if (found <= digits && found >= digits - fewer) return time;
  throw new InputError(
    `${quoted(text)} is not in ${name} since 1970, which have ${digits} digits: ${otherUnit(text, found)}`,
  );
}

function otherUnit(text: string, digits: number | undefined): string {
  const other = (Object.keys(TIME_UNITS) as TimeUnit[]).find((unit) => TIME_UNITS[unit].digits === digits);
  if (other === undefined) return "check the file, or add --time-unit";
  return `as ${TIME_UNITS[other].name} it is ${formatTime(readEpoch(text, other))}; if all its times are, add --time-unit ${other}`;
}
