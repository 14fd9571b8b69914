import { InputError, quoted } from "./input-error.ts";
import { type Micros, parseTime, seconds } from "./time.ts";

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const FIRST_YEAR = 1999;
const HOUR_IN_BERLIN = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/Berlin",
  hour: "2-digit",
  hourCycle: "h23",
});

/**
 * Returns the time from which a day's reference rates count as known: 16:00 in Berlin, which is 15:00 UTC or, in
 * summer, 14:00 UTC. The European Central Bank publishes them around that time.
 * @param date a calendar date written YYYY-MM-DD, from the euro's first year on
 * @throws InputError where the date is invalid or before 1999
 */
export function publicationTime(date: string): Micros {
  // 15:00 UTC is 16:00 in Berlin or, in summer, 17:00. Clocks change at night, never between 14:00 and 15:00 UTC.
  const afternoon = afternoonOf(date);
  if (Number(date.slice(0, 4)) < FIRST_YEAR) throw new InputError(`date ${date} is before ${FIRST_YEAR}`);
  const hoursLate = Number(HOUR_IN_BERLIN.format(Number(afternoon / 1000n))) - 16;
  return afternoon - seconds(hoursLate * 3600);
}

/** Returns 15:00 UTC of a calendar date. */
function afternoonOf(date: string): Micros {
  try {
    if (DATE.test(date)) return parseTime(`${date}T15:00:00Z`);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  throw new InputError(`date ${quoted(date)} is no calendar date, such as 2026-08-07`);
}
