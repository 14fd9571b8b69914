import type { PriceBand, SourceTotals } from "../../aggregate/reader.ts";
import { type Bucket, MINUTE } from "../../canonical/bucket.ts";
import { type Decimal, ZERO } from "../../canonical/decimal.ts";
import type { Micros } from "../../canonical/time.ts";

/** The rollup of one minute of one source of one pair. */
export interface MinuteRow extends Omit<SourceTotals, "source"> {
  readonly minute: Micros;
}

/** The minutes of one source of one pair, to be asked for any stretch of whole minutes. */
export interface MinuteSums {
  /** Sums over the stretch, null where it has no trades. */
  readonly sumsOf: (stretch: Bucket) => Omit<SourceTotals, "source"> | null;
  /** The minutes of the stretch that hold prices outside the band. */
  readonly outside: (stretch: Bucket, band: PriceBand) => Micros[];
}

/** What is added up before each minute. */
interface Sums {
  readonly tradeCount: number;
  readonly baseVolume: Decimal;
  readonly quoteVolume: Decimal;
  readonly priceSum: Decimal;
  readonly priceSquareSum: Decimal;
}

const NOTHING: Sums = { tradeCount: 0, baseVolume: ZERO, quoteVolume: ZERO, priceSum: ZERO, priceSquareSum: ZERO };

/**
 * Adds minutes up so that the sums of any stretch are a difference of two: exactly, as sums of decimals are.
 * @param rows in time order
 */
export function minuteSums(rows: readonly MinuteRow[]): MinuteSums {
  const before: Sums[] = [NOTHING];
  for (const row of rows) before.push(added(before.at(-1) as Sums, row));
  // Floats order as the decimals do, or call them equal; then the decimals decide.
  const least = Float64Array.from(rows, ({ priceMin }) => Number(priceMin));
  const greatest = Float64Array.from(rows, ({ priceMax }) => Number(priceMax));
  const rowAt = (index: number): MinuteRow => rows[index] as MinuteRow;

  function extremes(first: number, past: number): Pick<SourceTotals, "priceMin" | "priceMax"> {
    let [low, high] = [first, first];
    for (let index = first + 1; index < past; index++) {
      if (isBelow(least, index, low, (each) => rowAt(each).priceMin)) low = index;
      if (isBelow(greatest, high, index, (each) => rowAt(each).priceMax)) high = index;
    }
    return { priceMin: rowAt(low).priceMin, priceMax: rowAt(high).priceMax };
  }

  return {
    sumsOf: ({ from, to }) => {
      const [first, past] = [firstFrom(rows, from), firstFrom(rows, to)];
      if (first === past) return null;
      return { ...subtracted(before[past] as Sums, before[first] as Sums), ...extremes(first, past) };
    },
    outside: ({ from, to }, { low, high }) => {
      const [lowest, highest] = [Number(low), Number(high)];
      const minutes: Micros[] = [];
      for (let index = firstFrom(rows, from), past = firstFrom(rows, to); index < past; index++) {
        if ((least[index] as number) > lowest && (greatest[index] as number) < highest) continue;
        const { minute, priceMin, priceMax } = rowAt(index);
        if (priceMin.lessThan(low) || priceMax.greaterThan(high)) minutes.push(minute);
      }
      return minutes;
    },
  };
}

function isBelow(floats: Float64Array, one: number, other: number, exact: (index: number) => Decimal): boolean {
  const [a, b] = [floats[one] as number, floats[other] as number];
  return a === b ? exact(one).lessThan(exact(other)) : a < b;
}

/** The place of the first row at or after a moment. */
function firstFrom(rows: readonly MinuteRow[], moment: Micros): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as MinuteRow).minute < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

function added(a: Sums, b: Sums): Sums {
  return {
    tradeCount: a.tradeCount + b.tradeCount,
    baseVolume: a.baseVolume.plus(b.baseVolume),
    quoteVolume: a.quoteVolume.plus(b.quoteVolume),
    priceSum: a.priceSum.plus(b.priceSum),
    priceSquareSum: a.priceSquareSum.plus(b.priceSquareSum),
  };
}

function subtracted(a: Sums, b: Sums): Sums {
  return {
    tradeCount: a.tradeCount - b.tradeCount,
    baseVolume: a.baseVolume.minus(b.baseVolume),
    quoteVolume: a.quoteVolume.minus(b.quoteVolume),
    priceSum: a.priceSum.minus(b.priceSum),
    priceSquareSum: a.priceSquareSum.minus(b.priceSquareSum),
  };
}

/** Whether a stretch begins and ends on whole minutes. */
export function isWholeMinutes({ from, to }: Bucket): boolean {
  return from % MINUTE === 0n && to % MINUTE === 0n;
}
