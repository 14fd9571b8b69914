import type { Pair } from "../canonical/pair.ts";
import { ceilTo, type Micros, seconds } from "../canonical/time.ts";

/** The values to compute. */
export interface BackfillPlan {
  readonly pairs: readonly Pair[];
  /** In seconds. */
  readonly windows: readonly number[];
  /** Bucket ends are after `from` … */
  readonly from: Micros;
  /** … and at or before `to`. */
  readonly to: Micros;
  /** Bucket ends are the multiples of this, in seconds. */
  readonly everySeconds: number;
}

/** Values per chunk, which are held in memory: about a day of minutes for nine pairs and three windows. */
const VALUES_PER_CHUNK = 40_000;

/** Returns the number of bucket ends after a time, or of the whole plan if it is null. */
export function countEnds({ from, to, everySeconds }: BackfillPlan, after: Micros | null): number {
  const first = firstEnd(after ?? from, everySeconds);
  return first > to ? 0 : Number((to - first) / seconds(everySeconds)) + 1;
}

/** Yields the bucket ends after a time (null: all) in chunks, in time order. */
export function* endsInChunks(plan: BackfillPlan, after: Micros | null): Generator<Micros[]> {
  const step = seconds(plan.everySeconds);
  const size = Math.max(1, Math.floor(VALUES_PER_CHUNK / (plan.pairs.length * plan.windows.length)));
  for (let end = firstEnd(after ?? plan.from, plan.everySeconds); end <= plan.to; ) {
    const ends: Micros[] = [];
    for (; end <= plan.to && ends.length < size; end += step) ends.push(end);
    yield ends;
  }
}

function firstEnd(after: Micros, everySeconds: number): Micros {
  return ceilTo(after + 1n, seconds(everySeconds));
}
