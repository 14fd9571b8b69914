import type { Pair } from "../canonical/pair.ts";

/** One (pair, window) that the aggregator keeps fresh. */
export interface Target {
  readonly pair: Pair;
  readonly windowSeconds: number;
}

/** Returns every combination of pair and window, in the order of `windows`. */
export function targetsOf(pairs: readonly Pair[], windows: readonly number[]): Target[] {
  return windows.flatMap((windowSeconds) => pairs.map((pair) => ({ pair, windowSeconds })));
}
