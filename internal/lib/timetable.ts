import { Cron } from "croner";
import { InputError, quoted } from "../canonical/input-error.ts";
import { floorTo, MICROS_PER_SECOND, type Micros, seconds } from "../canonical/time.ts";

/** When a schedule ticks: by a cron expression, or every so many seconds, counted from 1970. Exactly one is not null. */
export interface Times {
  readonly cron: string | null;
  readonly everySeconds: number | null;
  /** A name of the IANA database, such as Europe/Berlin; cron expressions are read in it. */
  readonly timeZone: string;
}

/** The ticks of a schedule, which are whole seconds. */
export interface Timetable {
  /** The first tick after a time. */
  readonly nextAfter: (time: Micros) => Micros;
  /** The last `count` ticks at or before a time, oldest first. */
  readonly lastUntil: (time: Micros, count: number) => Micros[];
}

/**
 * A time that a change of clocks leaves out is moved behind the gap, and one that occurs twice ticks once, where the
 * expression names single times; one such as "0 * * * *" ticks in each real hour.
 * @throws InputError where the expression or the time zone is invalid, or never ticks
 */
export function timetableOf({ cron, everySeconds, timeZone }: Times): Timetable {
  if (everySeconds !== null) return everyTable(seconds(everySeconds));
  if (cron === null) throw new InputError("a schedule has either cron or every");
  return cronTable(cron, timeZone);
}

function everyTable(step: Micros): Timetable {
  return {
    nextAfter: (time) => floorTo(time, step) + step,
    lastUntil(time, count) {
      const last = floorTo(time, step);
      return Array.from({ length: count }, (_, index) => last - step * BigInt(count - 1 - index));
    },
  };
}

function cronTable(text: string, timeZone: string): Timetable {
  const cron = parseCron(text, timeZone);
  return {
    nextAfter(time) {
      const next = cron.nextRun(dateOf(time));
      if (next === null) throw new InputError(`cron ${quoted(text)} has no time after ${dateOf(time).toISOString()}`);
      return microsOf(next);
    },
    // croner returns runs before a time, newest first; the time itself may be one.
    lastUntil: (time, count) =>
      cron
        .previousRuns(count, dateOf(floorTo(time, MICROS_PER_SECOND) + MICROS_PER_SECOND))
        .map(microsOf)
        .reverse(),
  };
}

function parseCron(text: string, timezone: string): Cron {
  if (!isTimeZone(timezone)) {
    throw new InputError(`time zone ${quoted(timezone)} is unknown; use a name such as UTC or Europe/Berlin`);
  }
  let cron: Cron;
  try {
    cron = new Cron(text, { timezone, mode: "5-or-6-parts", paused: true });
  } catch (error) {
    const why = (error as Error).message.replace(/^CronPattern: /, "");
    throw new InputError(`cron ${quoted(text)} is invalid: ${why}; use five fields, such as "15 4 * * *"`);
  }
  // A date would tick once.
  if (cron.getOnce() !== null)
    throw new InputError(`cron ${quoted(text)} is a date; use five fields, such as "15 4 * * *"`);
  if (cron.nextRun() === null) throw new InputError(`cron ${quoted(text)} never ticks`);
  return cron;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function dateOf(time: Micros): Date {
  return new Date(Number(time / 1000n));
}

function microsOf(date: Date): Micros {
  return BigInt(date.getTime()) * 1000n;
}
