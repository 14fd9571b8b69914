import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runsOf } from "../../../test/thoroughness.ts";
import { InputError } from "../../canonical/input-error.ts";
import { formatTime, type Micros, parseTime, seconds } from "../../canonical/time.ts";
import { type Timetable, timetableOf } from "../../lib/timetable.ts";
import { MISSED } from "../../storage/control/schedules.ts";
import { dueOf, GRACE, MOST_CAUGHT_UP } from "./due.ts";

const cronTable = (cron: string, timeZone = "UTC") => timetableOf({ cron, everySeconds: null, timeZone });
const everyTable = (everySeconds: number) => timetableOf({ cron: null, everySeconds, timeZone: "UTC" });

/** All ticks after a time and up to another, one by one. */
function ticksBetween({ nextAfter }: Timetable, after: Micros, until: Micros): Micros[] {
  const ticks: Micros[] = [];
  for (let tick = nextAfter(after); tick <= until; tick = nextAfter(tick)) ticks.push(tick);
  return ticks;
}

const upTo = (timetable: Timetable, from: string, to: string) =>
  ticksBetween(timetable, parseTime(from), parseTime(to)).map(formatTime);

describe("the ticks of a schedule", () => {
  it("at a single local time come once a day, also where clocks are changed", () => {
    const berlin = cronTable("30 2 * * *", "Europe/Berlin");
    // At 2:00 it becomes 3:00, so that there is no 2:30.
    expect(upTo(berlin, "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z")).toEqual([
      "2026-03-28T01:30:00Z",
      "2026-03-29T01:00:00Z",
      "2026-03-30T00:30:00Z",
    ]);
    // At 3:00 it becomes 2:00, so that there are two times 2:30.
    expect(upTo(berlin, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z")).toEqual([
      "2026-10-25T00:30:00Z",
      "2026-10-26T01:30:00Z",
    ]);
  });

  it("of every hour come in each real hour", () => {
    const hours = ticksBetween(
      cronTable("0 * * * *", "Europe/Berlin"),
      parseTime("2026-10-24T20:30:00Z"),
      parseTime("2026-10-25T06:30:00Z"),
    );
    expect(hours).toHaveLength(10);
  });

  it("of every so many seconds are multiples since 1970", () => {
    expect(upTo(everyTable(90), "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z")).toEqual([
      "2026-01-01T00:01:30Z",
      "2026-01-01T00:03:00Z",
      "2026-01-01T00:04:30Z",
    ]);
  });

  it.each([
    ["61 0 * * *", "UTC", 'cron "61 0 * * *" is invalid'],
    ["* * *", "UTC", "is invalid"],
    ["0 0 30 2 *", "UTC", "never ticks"],
    ["2099-01-01T00:00:00", "UTC", "is a date"],
    ["0 0 * * *", "Berlin", 'time zone "Berlin" is unknown'],
  ])("refuse %s in %s", (cron, timeZone, message) => {
    expect(() => cronTable(cron, timeZone)).toThrow(InputError);
    expect(() => cronTable(cron, timeZone)).toThrow(message);
  });
});

const anyTable = fc.oneof(
  fc.integer({ min: 30, max: 100_000 }).map(everyTable),
  fc
    .record({
      cron: fc.constantFrom("30 2 * * *", "0 * * * *", "*/7 * * * *", "15 1-3 * * *", "0 0 * * 1", "59 59 23 * * *"),
      timeZone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"),
    })
    .map(({ cron, timeZone }) => cronTable(cron, timeZone)),
);

/** Times around the changes of clocks of these time zones. */
const anyTime = fc
  .tuple(
    fc.constantFrom("2026-03-08T07:00:00Z", "2026-03-29T01:00:00Z", "2026-04-04T15:00:00Z", "2026-10-25T01:00:00Z"),
    fc.bigInt({ min: -200_000_000_000n, max: 200_000_000_000n }),
  )
  .map(([change, distance]) => parseTime(change) + distance);

describe("what is due", () => {
  it("is the last ticks of all that were passed, as the rule for missed ones says", () => {
    fc.assert(
      fc.property(
        anyTable,
        anyTime,
        fc.bigInt({ min: 0n, max: 100_000_000_000n }),
        fc.constantFrom(...MISSED),
        (timetable, start, waited, missed) => {
          const nextAt = timetable.nextAfter(start);
          const now = nextAt + waited;
          const passed = [nextAt, ...ticksBetween(timetable, nextAt, nextAt + waited)];
          const due = dueOf(timetable, missed, nextAt, now);
          const last = passed.slice(missed === "catch_up" ? -MOST_CAUGHT_UP : -1);
          expect(due.ticks).toEqual(missed === "skip" ? last.filter((tick) => now - tick <= GRACE) : last);
          expect(due.nextAt).toBe(timetable.nextAfter(now));
          expect(due.nextAt).toBeGreaterThan(now);
        },
      ),
      { numRuns: runsOf(400) },
    );
  });

  it("is each tick exactly once, however often it is asked, if none is missed", () => {
    fc.assert(
      fc.property(
        anyTable,
        anyTime,
        fc.array(fc.integer({ min: 1, max: 3600 }), { maxLength: 30 }),
        (table, start, waits) => {
          let [now, nextAt] = [start, table.nextAfter(start)];
          const made: Micros[] = [];
          for (const wait of waits) {
            now += seconds(wait);
            const due = dueOf(table, "catch_up", nextAt, now);
            // More than can be caught up is left out.
            fc.pre(ticksBetween(table, nextAt - 1n, now).length <= MOST_CAUGHT_UP);
            made.push(...due.ticks);
            nextAt = due.nextAt;
          }
          expect(made).toEqual(ticksBetween(table, start, now));
        },
      ),
      { numRuns: runsOf(400) },
    );
  });
});
