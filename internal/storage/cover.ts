import { type Bucket, HOUR, MINUTE, splitBucket } from "../canonical/bucket.ts";
import { ceilTo, earlierOf, floorTo, laterOf, type Micros } from "../canonical/time.ts";
import { type Horizons, missingRows, requireRows } from "./horizons.ts";

/** Stretches of one kind of row: what is counted in, and what of it is taken out again. */
export interface Signed {
  readonly plus: readonly Bucket[];
  readonly minus: readonly Bucket[];
}

/** Rows whose sums, taken together, are those of a bucket. No stretch is empty. */
export interface Cover {
  readonly hours: readonly Bucket[];
  readonly minutes: Signed;
  readonly trades: Signed;
}

const NOTHING: Signed = { plus: [], minus: [] };

/**
 * The rows to add up for a bucket: few of them. At either end the row across it is counted in and the stretch outside is
 * taken out, where that is shorter than the stretch inside.
 * @param now when rows end: what lies behind it costs nothing to take out. It decides what is read, never the answer
 * @throws RawDataExpired where retention has removed what would be needed in any case
 */
export function coverOf(bucket: Bucket, horizons: Horizons, now: Micros): Cover {
  // A clock that is behind must not make the bucket itself look empty.
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

/** Only what lies inside the bucket. */
function innerCover(bucket: Bucket): Cover {
  const { headTrades, headMinutes, hours, tailMinutes, tailTrades } = splitBucket(bucket);
  return {
    hours: signed([hours]).plus,
    minutes: signed([headMinutes, tailMinutes]),
    trades: signed([headTrades, tailTrades]),
  };
}

/** Whole steps about a bucket, and the finer rows that make them up to it; no steps where these would be more. */
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

/** The end of the step about a moment with less between, the one behind it where that is equal. */
function nearerEdge(moment: Micros, step: Micros, now: Micros): Micros {
  const before = floorTo(moment, step);
  const after = ceilTo(moment, step);
  return rowsIn({ from: moment, to: after }, now) <= rowsIn({ from: before, to: moment }, now) ? after : before;
}

/** Stretches that run backwards are taken out. */
function signed(stretches: readonly Bucket[]): Signed {
  return {
    plus: stretches.filter(({ from, to }) => from < to),
    minus: stretches.filter(({ from, to }) => from > to).map(({ from, to }) => ({ from: to, to: from })),
  };
}

/** How long a stretch is as far as there are rows, whichever way it runs. */
function rowsIn({ from, to }: Bucket, now: Micros): Micros {
  const [start, end] = from < to ? [from, to] : [to, from];
  return start >= now ? 0n : earlierOf(end, now) - start;
}
