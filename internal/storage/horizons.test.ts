import { describe, expect, it } from "vitest";
import { parseTime } from "../canonical/time.ts";
import { RawDataExpired } from "./errors.ts";
import { requireRows } from "./horizons.ts";

const HORIZON = parseTime("2026-03-01T10:00:00Z");
const horizons = new Map([["trades", HORIZON]]);

describe("requireRows", () => {
  it("lets pass what begins where rows are complete", () => {
    requireRows(horizons, { trades: [{ from: HORIZON, to: HORIZON + 1n }] });
  });

  it("refuses what begins a microsecond before, wherever it ends, and says how far back there is", () => {
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
        "this needs trades from 2026-03-01T09:59:59.999999Z, and what was before 2026-03-01T10:00:00Z has been removed",
      );
    }
  });

  it("needs nothing for an empty stretch", () => {
    requireRows(horizons, { trades: [{ from: HORIZON - 10n, to: HORIZON - 10n }] });
  });

  it("looks at each kind of rows by itself", () => {
    const old = [{ from: HORIZON - 10n, to: HORIZON }];
    requireRows(horizons, { minutes: old, hours: old });
    expect(() => requireRows(new Map([["trades_1m", HORIZON]]), { minutes: old })).toThrow(/needs trades_1m/);
    expect(() => requireRows(new Map([["trades_1h", HORIZON]]), { hours: old })).toThrow(/needs trades_1h/);
    requireRows(new Map(), { trades: old, minutes: old, hours: old });
  });
});
