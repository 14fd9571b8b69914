import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { publicationTime } from "./publication-time.ts";
import { formatTime } from "./time.ts";

const HOUR_MS = 3_600_000;

/** Returns the last Sunday of a month of 31 days; clocks change at 01:00 UTC on those of March and October. */
function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month - 1, 31));
  return last.getTime() - last.getUTCDay() * 24 * HOUR_MS;
}

function hourByRule(date: string): number {
  const year = Number(date.slice(0, 4));
  const day = Date.parse(date);
  return day >= lastSunday(year, 3) && day < lastSunday(year, 10) ? 14 : 15;
}

describe("publicationTime", () => {
  test.each([
    ["2011-01-03", "15"],
    ["2026-07-01", "14"],
    ["2024-02-29", "15"],
    ["2011-03-26", "15"],
    ["2011-03-27", "14"],
    ["2011-10-29", "14"],
    ["2011-10-30", "15"],
    ["2026-03-28", "15"],
    ["2026-03-29", "14"],
    ["2026-10-24", "14"],
    ["2026-10-25", "15"],
    ["1999-01-01", "15"],
    ["9999-12-31", "15"],
  ])("on %s is %s:00 UTC", (date, hour) => {
    expect(formatTime(publicationTime(date))).toBe(`${date}T${hour}:00:00Z`);
  });

  test("follows the European Union's rule for summer time on every day of 2011 to 2026", () => {
    const wrong: string[] = [];
    for (let day = Date.UTC(2011, 0, 1); day < Date.UTC(2027, 0, 1); day += 24 * HOUR_MS) {
      const date = new Date(day).toISOString().slice(0, 10);
      const expected = BigInt(day + hourByRule(date) * HOUR_MS) * 1000n;
      if (publicationTime(date) !== expected) wrong.push(date);
    }
    expect(wrong).toEqual([]);
  });

  test.each([
    "2011-02-30",
    "2023-02-29",
    "2011-13-01",
    "2011-00-10",
    "2011-01-00",
    "2011-1-3",
    "11-01-03",
    "03.01.2011",
  ])("refuses %s", (date) => {
    expect(() => publicationTime(date)).toThrow(`date "${date}" is no calendar date, such as 2026-08-07`);
  });

  test.each(["2011-01-03T00:00:00Z", "20110103", "+02011-01-03", "2011-01-03\n"])("refuses %j", (date) => {
    expect(() => publicationTime(date)).toThrow("is no calendar date");
  });

  test("refuses dates before the euro", () => {
    expect(() => publicationTime("1998-12-31")).toThrow("date 1998-12-31 is before 1999");
  });

  test("accepts exactly the days of the calendar", () => {
    const number = (max: number) => fc.integer({ min: 0, max }).map((value) => `${value}`.padStart(2, "0"));
    fc.assert(
      fc.property(fc.integer({ min: 1999, max: 9999 }), number(13), number(32), (year, month, day) => {
        const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
        const days = [0, 31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0][Number(month)] as number;
        const date = `${year}-${month}-${day}`;
        if (Number(day) >= 1 && Number(day) <= days) {
          expect(formatTime(publicationTime(date))).toMatch(new RegExp(`^${date}T1[45]:00:00Z$`));
        } else {
          expect(() => publicationTime(date)).toThrow("is no calendar date");
        }
      }),
    );
  });
});
