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

/** Takes the rows of a source in, and is then asked about them. */
export interface MinuteRows {
  /** In time order, each within the minutes that are held. */
  readonly add: (row: MinuteRow) => void;
  readonly sums: () => MinuteSums;
}

/** Adds minutes up so that the sums of any stretch are a difference of two: exactly, as sums of decimals are. */
export function minuteRows(source: string, held: Stretch): MinuteRows {
  const minutes: number[] = [];
  const counts = [0];
  const [baseVolume, quoteVolume, priceSum, priceSquareSum] = [runningSum(), runningSum(), runningSum(), runningSum()];
  const priceMins: string[] = [];
  const priceMaxs: string[] = [];

  function sums(): MinuteSums {
    const [least, greatest] = [leastOf(priceMins), greatestOf(priceMaxs)];
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
          baseVolume: baseVolume.between(first, past),
          quoteVolume: quoteVolume.between(first, past),
          priceSum: priceSum.between(first, past),
          priceSquareSum: priceSquareSum.between(first, past),
          priceMin: least.furthest(first, past),
          priceMax: greatest.furthest(first, past),
        };
      },
      outside: ({ first: from, past: to }, { low, high }) => {
        const [first, past] = [placeOf(from), placeOf(to)];
        const below = least.beyond(first, past, low);
        const above = greatest.beyond(first, past, high);
        const places = below.length === 0 ? above : [...new Set([...below, ...above])];
        return places.map((place) => minutes[place] as number);
      },
    };
  }

  return {
    add: (row) => {
      minutes.push(row.minute);
      counts.push((counts.at(-1) as number) + row.tradeCount);
      baseVolume.add(row.baseVolume);
      quoteVolume.add(row.quoteVolume);
      priceSum.add(row.priceSum);
      priceSquareSum.add(row.priceSquareSum);
      priceMins.push(row.priceMin);
      priceMaxs.push(row.priceMax);
    },
    sums,
  };
}

interface RunningSum {
  readonly add: (value: Decimal) => void;
  /** The sum of the values from one place to before another. */
  readonly between: (first: number, past: number) => Decimal;
}

/** Keeps what is added up before each value: as whole numbers of one scale, which take little room. */
function runningSum(): RunningSum {
  let units = [0n];
  let scale = 0;
  return {
    add: (value) => {
      if (value.scale > scale) {
        const finer = powerOfTen(value.scale - scale);
        units = units.map((sum) => sum * finer);
        scale = value.scale;
      }
      units.push((units.at(-1) as bigint) + value.units * powerOfTen(scale - value.scale));
    },
    between: (first, past) => new Decimal((units[past] as bigint) - (units[first] as bigint), scale),
  };
}

/** For each minute that is held, and the one after them, how many of the rows lie before it. */
function rowsBefore(minutes: readonly number[], { first, past }: Stretch): Int32Array {
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
