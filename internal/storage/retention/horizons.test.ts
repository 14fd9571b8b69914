import { describe, expect, it } from "vitest";
import { parseTime } from "../../canonical/time.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { requireRows } from "./horizons.ts";

const HORIZON = parseTime("2026-03-01T10:00:00Z");
const horizons = new Map([["trades", HORIZON]]);

describe("requireRows", () => {
  it("accepts a range that starts where rows are complete", () => {
    requireRows(horizons, { trades: [{ from: HORIZON, to: HORIZON + 1n }] });
  });

  it("refuses a range that starts a microsecond earlier, and names the horizon", () => {
    for (const to of [HORIZON, HORIZON + 10n]) {
      const ask = () =>
        requireRows(horizons, {
          trades: [
            { from: HORIZON, to },
            { from: HORIZON - 1n, to },
          ],
        });
      expect(ask).toThrow(RawDataExpired);
      expect(ask).toThrow(
        "this needs trades from 2026-03-01T09:59:59.999999Z, but rows before 2026-03-01T10:00:00Z have been removed",
      );
    }
  });

  it("accepts an empty range", () => {
    requireRows(horizons, { trades: [{ from: HORIZON - 10n, to: HORIZON - 10n }] });
  });

  it("checks each table separately", () => {
    const old = [{ from: HORIZON - 10n, to: HORIZON }];
    requireRows(horizons, { minutes: old, hours: old });
    expect(() => requireRows(new Map([["trades_1m", HORIZON]]), { minutes: old })).toThrow(/needs trades_1m/);
    expect(() => requireRows(new Map([["trades_1h", HORIZON]]), { hours: old })).toThrow(/needs trades_1h/);
    requireRows(new Map(), { trades: old, minutes: old, hours: old });
  });
});
