import type { Pair } from "../canonical/pair.ts";
import { ceilTo, type Micros, seconds } from "../canonical/time.ts";

/** Which values are wanted. */
export interface BackfillPlan {
  readonly pairs: readonly Pair[];
  /** In seconds. */
  readonly windows: readonly number[];
  /** Bucket ends lie after `from` … */
  readonly from: Micros;
  /** … up to this moment, included. */
  readonly to: Micros;
  /** Bucket ends are the multiples of this, in seconds. */
  readonly everySeconds: number;
}

/** Values that are held at once: a day of minutes of nine pairs and three windows. */
const VALUES_AT_ONCE = 40_000;

/** How many bucket ends lie after a moment; from the plan's start where it is null. */
export function countEnds({ from, to, everySeconds }: BackfillPlan, after: Micros | null): number {
  const first = firstEnd(after ?? from, everySeconds);
  return first > to ? 0 : Number((to - first) / seconds(everySeconds)) + 1;
}

/** The bucket ends after a moment, in time order, some at a time. */
export function* endsInChunks(plan: BackfillPlan, after: Micros | null): Generator<Micros[]> {
  const step = seconds(plan.everySeconds);
  const size = Math.max(1, Math.floor(VALUES_AT_ONCE / (plan.pairs.length * plan.windows.length)));
  for (let end = firstEnd(after ?? plan.from, plan.everySeconds); end <= plan.to; ) {
    const ends: Micros[] = [];
    for (; end <= plan.to && ends.length < size; end += step) ends.push(end);
    yield ends;
  }
}

function firstEnd(after: Micros, everySeconds: number): Micros {
  return ceilTo(after + 1n, seconds(everySeconds));
}
