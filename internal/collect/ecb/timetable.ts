import { publicationTime } from "../../canonical/publication-time.ts";
import { earlierOf, formatTime, type Micros, seconds } from "../../canonical/time.ts";
import { InvalidMessage } from "../wire.ts";
import { newestOf, readRates } from "./rates.ts";

const DAY: Micros = seconds(86_400);
/** The file is asked for again after so long, even where nothing is expected. */
const MOST_PAUSE: Micros = seconds(6 * 3600);
/** Rates come a few minutes after their time. */
const PAST_TIME: Micros = seconds(60);
/** Rates of the day are waited for during so long; they may be late, or the day is a holiday. */
const EXPECTED: Micros = seconds(3 * 3600);
const WAIT_SECONDS = 300;

/** Returns the date of a time, in UTC: YYYY-MM-DD. */
function dateOf(time: Micros): string {
  return formatTime(time).slice(0, 10);
}

/** Returns the earliest time that rates can have after those of a date: working days follow each other, or there is more between them. */
export function nextPublication(date: string): Micros {
  return publicationTime(dateOf(publicationTime(date) + DAY));
}

/**
 * Returns after how many seconds the daily file is to be asked for again: every five minutes while the rates of a working day are due,
 * otherwise when the next ones are, and at least every six hours.
 * @param answer the file as it came last
 */
export function pauseSeconds(answer: string, now: Micros): number {
  const today = dateOf(now);
  const due = publicationTime(today);
  if (now < due + PAST_TIME) return secondsUntil(due + PAST_TIME, now);
  const isWeekend = [0, 6].includes(new Date(`${today}T00:00:00Z`).getUTCDay());
  const isOver = isWeekend || newestDate(answer) === today || now - due >= EXPECTED;
  return isOver ? secondsUntil(nextPublication(today) + PAST_TIME, now) : WAIT_SECONDS;
}

function secondsUntil(time: Micros, now: Micros): number {
  return Number(earlierOf(time - now, MOST_PAUSE)) / 1e6;
}

function newestDate(answer: string): string | null {
  try {
    return newestOf(readRates(answer));
  } catch (error) {
    if (error instanceof InvalidMessage) return null;
    throw error;
  }
}
