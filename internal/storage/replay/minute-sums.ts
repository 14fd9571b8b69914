import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { Decimal } from "../../canonical/decimal.ts";
import { powerOfTen } from "../../canonical/integer.ts";
import type { SourceTotals } from "../../policy/reader.ts";
import { greatestOf, type Limits, leastOf } from "./extremes.ts";

/** The minutes [first, past), counted from the epoch. */
export interface MinuteRange {
  readonly first: number;
  readonly past: number;
}

/** The minute rollup of one source of a pair. */
export interface MinuteRow {
  /** Minutes since the epoch. */
  readonly minute: number;
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
  /** Kept as text, since only few are used in calculations. */
  readonly priceMin: string;
  readonly priceMax: string;
}

/** Preloaded minutes of one source of a pair, with sums over any range of them. */
export interface MinuteSums {
  readonly source: string;
  /** Returns the sums over the range; null if it has no trades. */
  readonly sumsOf: (range: MinuteRange) => SourceTotals | null;
  /** Returns the minutes of the range with prices outside the band. */
  readonly outside: (range: MinuteRange, band: Limits) => number[];
}

/** A builder of {@link MinuteSums}. */
export interface MinuteRows {
  /** Adds a row; rows must come in time order, within the preloaded range. */
  readonly add: (row: MinuteRow) => void;
  readonly sums: () => MinuteSums;
}

/**
 * Collects the minutes of a source as prefix sums: the sums of any range are a difference of two, exact in decimals.
 */
export function minuteRows(source: string, preloaded: MinuteRange): MinuteRows {
  const minutes: number[] = [];
  const counts = [0];
  const [baseVolume, quoteVolume, priceSum, priceSquareSum] = [prefixSums(), prefixSums(), prefixSums(), prefixSums()];
  const priceMins: string[] = [];
  const priceMaxs: string[] = [];

  function sums(): MinuteSums {
    const [least, greatest] = [leastOf(priceMins), greatestOf(priceMaxs)];
    const before = rowsBefore(minutes, preloaded);
    const placeOf = (minute: number): number => before[minute - preloaded.first] as number;
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

interface PrefixSums {
  readonly add: (value: Decimal) => void;
  /** Returns the sum of the values with indices in [first, past). */
  readonly between: (first: number, past: number) => Decimal;
}

/** Keeps the prefix sums of added values, as integers of one common scale to save memory. */
function prefixSums(): PrefixSums {
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

/** Returns, for each minute of the range and the one after it, the number of rows before it. */
function rowsBefore(minutes: readonly number[], { first, past }: MinuteRange): Int32Array {
  const before = new Int32Array(past - first + 1);
  let rows = 0;
  for (const offset of before.keys()) {
    before[offset] = rows;
    if (minutes[rows] === first + offset) rows++;
  }
  return before;
}

/** Returns the minutes of a bucket; null if it does not begin and end on whole minutes. */
export function minutesOf({ from, to }: Bucket): MinuteRange | null {
  if (from % MINUTE !== 0n || to % MINUTE !== 0n) return null;
  return { first: Number(from / MINUTE), past: Number(to / MINUTE) };
}

/** Returns the bucket of a range of minutes. */
export function bucketOf({ first, past }: MinuteRange): Bucket {
  return { from: BigInt(first) * MINUTE, to: BigInt(past) * MINUTE };
}
