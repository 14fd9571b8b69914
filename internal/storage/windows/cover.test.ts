import fc from "fast-check";
import { expect, it } from "vitest";
import { HOUR, MINUTE } from "../../canonical/bucket.ts";
import { floorTo, type Micros, parseTime } from "../../canonical/time.ts";
import { RawDataExpired } from "../connection/errors.ts";
import { type Cover, coverOf } from "./cover.ts";

const DAY = 24n * HOUR;
const NEVER_CUT = new Map<string, Micros>();
const at = (time: string): Micros => parseTime(`2026-03-01T${time}Z`);
const bucket = (from: string, to: string) => ({ from: at(from), to: at(to) });

/** Returns how often the cover counts a trade, through its hour, its minute and itself. */
function countOf({ hours, minutes, trades }: Cover, ts: Micros): number {
  const holds =
    (moment: Micros) =>
    ({ from, to }: { from: Micros; to: Micros }): boolean =>
      from <= moment && moment < to;
  const times = (stretches: readonly { from: Micros; to: Micros }[], moment: Micros): number =>
    stretches.filter(holds(moment)).length;
  const minute = floorTo(ts, MINUTE);
  return (
    times(hours, floorTo(ts, HOUR)) +
    times(minutes.plus, minute) -
    times(minutes.minus, minute) +
    times(trades.plus, ts) -
    times(trades.minus, ts)
  );
}

const moment = fc.bigInt({ min: 0n, max: 2n * DAY });
const length = fc.oneof(
  fc.bigInt({ min: 1n, max: 3n * MINUTE }),
  fc.bigInt({ min: 1n, max: 3n * HOUR }),
  fc.bigInt({ min: 1n, max: 2n * DAY }),
);

it("the cover counts exactly the trades of the bucket, each once, at any time", () => {
  fc.assert(
    fc.property(moment, length, moment, moment, (from, width, now, ts) => {
      const to = from + width;
      const cover = coverOf({ from, to }, NEVER_CUT, now);
      for (const each of [ts, from - 1n, from, to - 1n, to, from + width / 2n]) {
        expect([each, countOf(cover, each)]).toEqual([each, from <= each && each < to ? 1 : 0]);
      }
    }),
    { numRuns: 2000 },
  );
});

it("the cover reads few rows: the shorter side of either end, and none of the future", () => {
  const now = at("10:17:35");
  expect(coverOf({ from: at("10:17:30") - DAY, to: at("10:17:30") }, NEVER_CUT, now)).toEqual({
    hours: [{ from: at("10:00:00") - DAY, to: at("11:00:00") }],
    minutes: {
      plus: [],
      minus: [{ from: at("10:00:00") - DAY, to: at("10:18:00") - DAY }, bucket("10:18:00", "11:00:00")],
    },
    trades: {
      plus: [{ from: at("10:17:30") - DAY, to: at("10:18:00") - DAY }],
      minus: [bucket("10:17:30", "10:18:00")],
    },
  });
  expect(coverOf(bucket("10:12:30", "10:17:30"), NEVER_CUT, now)).toEqual({
    hours: [],
    minutes: { plus: [bucket("10:13:00", "10:18:00")], minus: [] },
    trades: { plus: [bucket("10:12:30", "10:13:00")], minus: [bucket("10:17:30", "10:18:00")] },
  });
  // All rows of the past exist.
  expect(coverOf(bucket("08:20:00", "10:17:00"), NEVER_CUT, now + DAY)).toEqual({
    hours: [bucket("08:00:00", "10:00:00")],
    minutes: { plus: [bucket("10:00:00", "10:17:00")], minus: [bucket("08:00:00", "08:20:00")] },
    trades: { plus: [], minus: [] },
  });
  expect(coverOf(bucket("10:17:10", "10:17:25"), NEVER_CUT, now)).toEqual({
    hours: [],
    minutes: { plus: [], minus: [] },
    trades: { plus: [bucket("10:17:10", "10:17:25")], minus: [] },
  });
});

it("the cover uses the rows that retention has kept, and is refused if they do not suffice", () => {
  const window = bucket("08:10:00", "10:00:00");
  const minutesFrom = (from: Micros) => new Map([["trades_1m", from]]);
  const outside = { plus: [], minus: [bucket("08:00:00", "08:10:00")] };
  expect(coverOf(window, minutesFrom(at("08:00:00")), at("12:00:00")).minutes).toEqual(outside);
  const inside = { plus: [bucket("08:10:00", "09:00:00")], minus: [] };
  expect(coverOf(window, minutesFrom(at("08:10:00")), at("12:00:00")).minutes).toEqual(inside);
  expect(() => coverOf(window, minutesFrom(at("08:11:00")), at("12:00:00"))).toThrow(RawDataExpired);
  expect(coverOf({ from: at("08:00:00"), to: at("10:00:00") }, minutesFrom(at("09:00:00")), 0n).hours).toHaveLength(1);
  // A clock that is behind does not make the present look empty.
  const past = coverOf(bucket("08:20:00", "10:20:00"), NEVER_CUT, 0n);
  expect([past.hours.length, past.trades.plus]).toEqual([1, []]);
});
