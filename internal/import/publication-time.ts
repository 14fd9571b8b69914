import { InputError } from "../canonical/input-error.ts";
import { type Micros, parseTime, seconds } from "../canonical/time.ts";
import { quoted } from "./fields.ts";

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const FIRST_YEAR = 1999;
const HOUR_IN_BERLIN = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/Berlin",
  hour: "2-digit",
  hourCycle: "h23",
});

/**
 * When the reference rates of a day are taken to be known: at 16:00 in Berlin, which is 15:00 or in summer 14:00 in UTC.
 * The European Central Bank publishes them around that time.
 * @param date a calendar date written YYYY-MM-DD, from the euro's first year on
 * @throws InputError
 */
export function publicationTime(date: string): Micros {
  // 15:00 in UTC is 16:00 in Berlin or, in summer, 17:00. Clocks change at night, never between the two.
  const afternoon = afternoonOf(date);
  if (Number(date.slice(0, 4)) < FIRST_YEAR) throw new InputError(`date ${date} is before ${FIRST_YEAR}`);
  const hoursLate = Number(HOUR_IN_BERLIN.format(Number(afternoon / 1000n))) - 16;
  return afternoon - seconds(hoursLate * 3600);
}

/** 15:00 in UTC of a calendar date. */
function afternoonOf(date: string): Micros {
  try {
    if (DATE.test(date)) return parseTime(`${date}T15:00:00Z`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  throw new InputError(`date ${quoted(date)} is no calendar date, such as 2026-08-07`);
}
