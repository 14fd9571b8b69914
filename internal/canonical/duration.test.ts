import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";
import { seconds } from "./time.ts";

describe("parseDuration", () => {
  it.each([
    ["90s", seconds(90)],
    ["5m", seconds(300)],
    ["1h30m", seconds(5400)],
    ["1.5h", seconds(5400)],
    ["24h0m0s", seconds(86400)],
    ["1d", seconds(86400)],
    ["1w", seconds(604_800)],
    ["1d12h", seconds(129_600)],
    ["1w2d3h4m5s", seconds(788_645)],
    ["0.5d", seconds(43_200)],
    ["0", 0n],
    ["250ms", 250_000n],
    ["1µs", 1n],
  ])("reads %s", (text, micros) => {
    expect(parseDuration(text)).toBe(micros);
  });

  it.each(["", "5", "5 m", "-5m", "5D", "5 d", "1y", "1mo", "m", "1h 30m", "1e3s", "10ns"])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow();
  });
});

it("formats durations that parse back", () => {
  expect(formatDuration(300)).toBe("5m");
  expect(formatDuration(86_400)).toBe("24h");
  expect(formatDuration(5_415)).toBe("1h30m15s");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (count) => {
      expect(parseDuration(formatDuration(count))).toBe(seconds(count));
    }),
  );
});
