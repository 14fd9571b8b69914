import type { SourceTotals } from "../../aggregate/reader.ts";
import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { Decimal } from "../../canonical/decimal.ts";
import { powerOfTen } from "../../canonical/integer.ts";
import { greatestOf, type Limits, leastOf } from "./extremes.ts";

/** Minutes counted from the epoch, `first` to before `past`. */
export interface Stretch {
  readonly first: number;
  readonly past: number;
}

/** The rollup of one minute of one source of one pair. */
export interface MinuteRow {
  /** Counted from the epoch. */
  readonly minute: number;
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
  /** As text: few are ever computed with. */
  readonly priceMin: string;
  readonly priceMax: string;
}

/** The minutes of one source of one pair, to be asked for any stretch of those that are held. */
export interface MinuteSums {
  readonly source: string;
  /** Sums over the stretch, null where it has no trades. */
  readonly sumsOf: (stretch: Stretch) => SourceTotals | null;
  /** The minutes of the stretch that hold prices outside the band. */
  readonly outside: (stretch: Stretch, band: Limits) => number[];
}

/**
 * Adds minutes up so that the sums of any stretch are a difference of two: exactly, as sums of decimals are.
 * @param rows in time order, all of them within `held`
 */
export function minuteSums(source: string, rows: readonly MinuteRow[], held: Stretch): MinuteSums {
  const counts = Float64Array.from([0, ...rows.map(({ tradeCount }) => tradeCount)]);
  for (let row = 1; row < counts.length; row++) counts[row] = (counts[row] as number) + (counts[row - 1] as number);
  const baseVolume = runningSums(rows.map((row) => row.baseVolume));
  const quoteVolume = runningSums(rows.map((row) => row.quoteVolume));
  const priceSum = runningSums(rows.map((row) => row.priceSum));
  const priceSquareSum = runningSums(rows.map((row) => row.priceSquareSum));
  const least = leastOf(rows.map(({ priceMin }) => priceMin));
  const greatest = greatestOf(rows.map(({ priceMax }) => priceMax));
  const minutes = Int32Array.from(rows, ({ minute }) => minute);
  const before = rowsBefore(minutes, held);
  const placeOf = (minute: number): number => before[minute - held.first] as number;

  return {
    source,
    sumsOf: ({ first: from, past: to }) => {
      const [first, past] = [placeOf(from), placeOf(to)];
      if (first === past) return null;
      return {
        source,
        tradeCount: (counts[past] as number) - (counts[first] as number),
        baseVolume: baseVolume(first, past),
        quoteVolume: quoteVolume(first, past),
        priceSum: priceSum(first, past),
        priceSquareSum: priceSquareSum(first, past),
        priceMin: least.furthest(first, past),
        priceMax: greatest.furthest(first, past),
      };
    },
    outside: ({ first: from, past: to }, { low, high }) => {
      const [first, past] = [placeOf(from), placeOf(to)];
      const below = least.beyond(first, past, low);
      const above = greatest.beyond(first, past, high);
      const places = below.length === 0 ? above : new Set([...below, ...above]);
      return Array.from(places, (place) => minutes[place] as number);
    },
  };
}

/** The sum of the values from one place to before another. */
function runningSums(values: readonly Decimal[]): (first: number, past: number) => Decimal {
  const scale = values.reduce((most, value) => Math.max(most, value.scale), 0);
  const units = [0n];
  for (const [place, value] of values.entries()) {
    units.push((units[place] as bigint) + value.units * powerOfTen(scale - value.scale));
  }
  return (first, past) => new Decimal((units[past] as bigint) - (units[first] as bigint), scale);
}

/** For each minute that is held, and the one after them, how many of the rows lie before it. */
function rowsBefore(minutes: Int32Array, { first, past }: Stretch): Int32Array {
  const before = new Int32Array(past - first + 1);
  let rows = 0;
  for (const offset of before.keys()) {
    before[offset] = rows;
    if (minutes[rows] === first + offset) rows++;
  }
  return before;
}

/** The minutes of a bucket; null where it does not begin and end on whole ones. */
export function minutesOf({ from, to }: Bucket): Stretch | null {
  if (from % MINUTE !== 0n || to % MINUTE !== 0n) return null;
  return { first: Number(from / MINUTE), past: Number(to / MINUTE) };
}

/** The bucket of some minutes. */
export function bucketOf({ first, past }: Stretch): Bucket {
  return { from: BigInt(first) * MINUTE, to: BigInt(past) * MINUTE };
}
