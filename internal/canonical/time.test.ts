import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ceilTo, floorTo, formatTime, parseTime, seconds } from "./time.ts";

describe("parseTime", () => {
  it.each([
    ["1970-01-01T00:00:00Z", 0n],
    ["2026-08-09T22:30:00Z", 1786314600000000n],
    ["2026-08-09t22:30:00z", 1786314600000000n],
    ["2026-08-10 04:00:00+05:30", 1786314600000000n],
    ["2026-08-09 22:30:00+00", 1786314600000000n],
    ["2026-08-09T17:30:00-0500", 1786314600000000n],
    ["2026-08-09T22:30:00.1234567Z", 1786314600123456n],
    ["2026-08-09T22:30:00.9999999Z", 1786314600999999n],
    ["1969-12-31T23:59:59.5Z", -500000n],
    ["0001-01-01T00:00:00Z", -62135596800000000n],
  ])("reads %s", (text, micros) => {
    expect(parseTime(text)).toBe(micros);
  });

  it.each([
    "",
    "2026-08-09",
    "2026-08-09T22:30:00",
    "2026-02-30T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-08-09T24:00:00Z",
    "2026-08-09T22:60:00Z",
    "2026-08-09T22:30:60Z",
    "2026-08-09T22:30:00+25:00",
    "1786314600",
    "2026-08-09T22:30:00,5Z",
    "2026-08-09T22:30:00,000Z",
    "infinity",
  ])("refuses %j", (text) => {
    expect(() => parseTime(text)).toThrow(/is not a time with a zone/);
  });
});

it("formats what it parses, with a fraction only if it is not zero", () => {
  expect(formatTime(0n)).toBe("1970-01-01T00:00:00Z");
  expect(formatTime(1_500_000n)).toBe("1970-01-01T00:00:01.5Z");
  expect(formatTime(-1n)).toBe("1969-12-31T23:59:59.999999Z");
  fc.assert(
    fc.property(fc.bigInt({ min: -62135596800000000n, max: 253402300799999999n }), (time) => {
      expect(parseTime(formatTime(time))).toBe(time);
    }),
  );
});

it("rounds to multiples since the epoch, also before 1970", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
      fc.integer({ min: 1, max: 10_000 }),
      (time, count) => {
        const step = seconds(count);
        const below = floorTo(time, step);
        const above = ceilTo(time, step);
        expect(below % step).toBe(0n);
        expect(above % step).toBe(0n);
        expect(below <= time && time < below + step).toBe(true);
        expect(above >= time && time > above - step).toBe(true);
      },
    ),
  );
});
