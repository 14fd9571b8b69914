import { type Bucket, HOUR, MINUTE, splitBucket } from "../../canonical/bucket.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros } from "../../canonical/time.ts";
import { type Horizons, missingRows, requireRows } from "../retention/horizons.ts";

/** Ranges of one table's rows whose sums are added (`plus`) or subtracted (`minus`). */
export interface Signed {
  readonly plus: readonly Bucket[];
  readonly minus: readonly Bucket[];
}

/** Ranges of rows whose signed sums give the sums of a bucket. No range is empty. */
export interface Cover {
  readonly hours: readonly Bucket[];
  readonly minutes: Signed;
  readonly trades: Signed;
}

const NOTHING: Signed = { plus: [], minus: [] };

/**
 * Returns a small cover of a bucket. At either end, the rollup across the boundary is added whole and its part outside the
 * bucket subtracted, if the outside part has fewer rows than the inside part; otherwise the inside part is added from finer
 * rows.
 * @param now end of the rows: later ranges are empty and cost nothing. It affects what is read, never the result
 * @throws RawDataExpired if retention has removed rows that every cover needs
 */
export function coverOf(bucket: Bucket, horizons: Horizons, now: Micros): Cover {
  // If the clock is behind, the bucket itself must not count as empty.
  const cover = shortCover(bucket, laterOf(now, bucket.to));
  if (missingRows(horizons, neededFor(cover)) === null) return cover;
  const inside = innerCover(bucket);
  requireRows(horizons, neededFor(inside));
  return inside;
}

function neededFor({ hours, minutes, trades }: Cover) {
  return { trades: [...trades.plus, ...trades.minus], minutes: [...minutes.plus, ...minutes.minus], hours };
}

function shortCover(bucket: Bucket, now: Micros): Cover {
  const trades = coverBy(bucket, MINUTE, now);
  if (trades.whole === null) return { hours: [], minutes: NOTHING, trades: trades.edges };
  const minutes = coverBy(trades.whole, HOUR, now);
  return { hours: minutes.whole === null ? [] : [minutes.whole], minutes: minutes.edges, trades: trades.edges };
}

/** Returns the cover without subtraction: only rows inside the bucket. */
function innerCover(bucket: Bucket): Cover {
  const { headTrades, headMinutes, hours, tailMinutes, tailTrades } = splitBucket(bucket);
  return {
    hours: signed([hours]).plus,
    minutes: signed([headMinutes, tailMinutes]),
    trades: signed([headTrades, tailTrades]),
  };
}

/**
 * Returns whole steps near the bucket, and the finer ranges that correct them; no steps if the corrections were longer.
 */
function coverBy(bucket: Bucket, step: Micros, now: Micros): { whole: Bucket | null; edges: Signed } {
  const first = nearerEdge(bucket.from, step, now);
  const last = nearerEdge(bucket.to, step, now);
  const direct = { whole: null, edges: { plus: [bucket], minus: [] } };
  if (first >= last) return direct;
  const head = { from: bucket.from, to: first };
  const tail = { from: last, to: bucket.to };
  if (rowsIn(head, now) + rowsIn(tail, now) >= rowsIn(bucket, now)) return direct;
  return { whole: { from: first, to: last }, edges: signed([head, tail]) };
}

/** Returns the step boundary nearest to a time, measured in rows; the later one if equal. */
function nearerEdge(moment: Micros, step: Micros, now: Micros): Micros {
  const before = floorTo(moment, step);
  const after = ceilTo(moment, step);
  return rowsIn({ from: moment, to: after }, now) <= rowsIn({ from: before, to: moment }, now) ? after : before;
}

/** Makes ranges with from > to negative. */
function signed(stretches: readonly Bucket[]): Signed {
  return {
    plus: stretches.filter(({ from, to }) => from < to),
    minus: stretches.filter(({ from, to }) => from > to).map(({ from, to }) => ({ from: to, to: from })),
  };
}

/** Returns the length of a range before `now`, in either direction. */
function rowsIn({ from, to }: Bucket, now: Micros): Micros {
  const [start, end] = from < to ? [from, to] : [to, from];
  return start >= now ? 0n : earlierOf(end, now) - start;
}
