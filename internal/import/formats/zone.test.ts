import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readEpoch, TIME_UNITS, type TimeUnit } from "../../canonical/epoch.ts";
import { formatTime, parseTime } from "../../canonical/time.ts";
import { parseZone } from "./zone.ts";

describe("parseZone", () => {
  test.each([
    ["UTC", "2026-01-02 03:04:05", "2026-01-02T03:04:05Z"],
    ["Z", "2026-01-02T03:04:05.123456", "2026-01-02T03:04:05.123456Z"],
    ["+02:00", "2026-01-02 03:04:05", "2026-01-02T01:04:05Z"],
    ["-0330", "2026-01-02 03:04:05", "2026-01-02T06:34:05Z"],
    ["Europe/Berlin", "2026-01-02 03:04:05", "2026-01-02T02:04:05Z"],
    ["Europe/Berlin", "2026-07-02 03:04:05", "2026-07-02T01:04:05Z"],
    ["America/New_York", "2026-03-08 03:00:00", "2026-03-08T07:00:00Z"],
    ["America/New_York", "2026-03-08 01:59:59", "2026-03-08T06:59:59Z"],
    ["Asia/Kathmandu", "2026-01-02 03:04:05", "2026-01-01T21:19:05Z"],
  ])("%s: %s", (zone, local, time) => {
    expect(formatTime(parseZone(zone)(local))).toBe(time);
  });

  test.each([
    ["Europe/Berlin", "2026-10-25 02:30:00", "occurs twice in Europe/Berlin"],
    ["Europe/Berlin", "2026-03-29 02:30:00", "does not exist in Europe/Berlin"],
    ["Europe/Berlin", "2026-02-30 02:30:00", "is not a time"],
  ])("%s: %s is refused", (zone, local, reason) => {
    expect(() => parseZone(zone)(local)).toThrow(reason);
  });

  test.each(["", "Mars/Base", "+25:00", "+02:75", "local"])("%j is no zone", (zone) => {
    expect(() => parseZone(zone)).toThrow("is not a zone; write UTC");
  });

  test("finds the time of every local time that occurs once", () => {
    const zone = parseZone("America/New_York");
    const format = new Intl.DateTimeFormat("sv-SE", {
      timeZone: "America/New_York",
      dateStyle: "short",
      timeStyle: "medium",
    });
    const from = Number(parseTime("2011-01-01T00:00:00Z") / 1_000_000n);
    const to = Number(parseTime("2026-01-01T00:00:00Z") / 1_000_000n);
    fc.assert(
      fc.property(fc.integer({ min: from, max: to }), (seconds) => {
        const local = format.format(seconds * 1000);
        try {
          expect(zone(local)).toBe(BigInt(seconds) * 1_000_000n);
        } catch (error) {
          expect(String(error)).toContain("occurs twice");
          expect(local).toMatch(/-11-0\d 01:/);
        }
      }),
    );
  });
});

describe("readEpoch", () => {
  test("reads what formatting of any microsecond in any unit gives", () => {
    const unit = fc.constantFrom(...(Object.keys(TIME_UNITS) as TimeUnit[]));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 16n }), unit, (micros, unit) => {
        const decimals = { s: 6, ms: 3, us: 0, ns: 0 }[unit];
        const digits = `${unit === "ns" ? micros * 1000n : micros}`.padStart(decimals + 1, "0");
        const text = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
        expect(readEpoch(text, unit)).toBe(micros);
        expect(
          readEpoch(unit === "ns" ? `${micros * 1000n + 999n}` : `${text}${decimals === 0 ? "." : ""}9`, unit),
        ).toBe(micros);
      }),
    );
  });

  test.each(["", "-1", "1e9", "1.7e9", "0x10", "1,5", " 1", "1.2.3", "2026-01-01"])("refuses %j", (text) => {
    expect(() => readEpoch(text, "s")).toThrow("is not a number of seconds since 1970");
  });
});
