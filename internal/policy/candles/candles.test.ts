import { expect, test } from "vitest";
import { parseDecimal } from "../../canonical/decimal.ts";
import { parseTime } from "../../canonical/time.ts";
import { isCandleInterval, rawCandleOf } from "./candles.ts";

test.each([60, 300, 900, 1800, 3600, 5400, 4 * 3600, 86_400, 2 * 86_400, 7 * 86_400])(
  "an interval of %d s is valid",
  (length) => {
    expect(isCandleInterval(length)).toBe(true);
  },
);

test.each([0, -60, 1, 90, 60.5, 420, 7 * 3600, 36 * 3600, 8 * 86_400])("an interval of %d s is invalid", (length) => {
  expect(isCandleInterval(length)).toBe(false);
});

test("prices are rounded half-even to 18 digits, volumes are exact", () => {
  const price = parseDecimal("0.333333333333333333333333333333");
  expect(
    rawCandleOf(
      {
        from: parseTime("2026-01-10T12:00:00Z"),
        open: price,
        high: parseDecimal("1234567890123456785"),
        low: parseDecimal("0.1234567890123456755"),
        close: parseDecimal("1.5"),
        baseVolume: parseDecimal("3.000000000000000000000000000001"),
        quoteVolume: parseDecimal("1"),
        tradeCount: 4,
      },
      300,
    ),
  ).toEqual({
    from: "2026-01-10T12:00:00Z",
    to: "2026-01-10T12:05:00Z",
    open: "0.333333333333333333",
    high: "1234567890123456780",
    low: "0.123456789012345676",
    close: "1.5",
    base_volume: "3.000000000000000000000000000001",
    quote_volume: "1",
    trade_count: 4,
    vwap: "0.333333333333333333",
  });
});
