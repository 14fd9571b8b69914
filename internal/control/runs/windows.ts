import { InputError } from "../../canonical/input-error.ts";
import { earlierOf, formatTime, seconds } from "../../canonical/time.ts";
import type { Interval } from "../../storage/control/coverage.ts";

/** A run is made in one transaction, which has to end before the request times out. */
export const MOST_WINDOWS = 10_000;

/**
 * Cuts a range into windows of `chunkSeconds` from its start; the last one may be shorter.
 * @throws InputError where the range is empty, or gives too many windows
 */
export function windowsOf({ from, to }: Interval, chunkSeconds: number): Interval[] {
  if (from >= to) throw new InputError("from is not before to");
  const chunk = seconds(chunkSeconds);
  const count = (to - from + chunk - 1n) / chunk;
  if (count > BigInt(MOST_WINDOWS)) {
    throw new InputError(
      `gives ${count} windows of ${chunkSeconds} s; a run has at most ${MOST_WINDOWS}: make them longer, or split the range, with the first run to ${formatTime(from + chunk * BigInt(MOST_WINDOWS))}`,
    );
  }
  return Array.from({ length: Number(count) }, (_, index) => {
    const start = from + chunk * BigInt(index);
    return { from: start, to: earlierOf(start + chunk, to) };
  });
}

/** Returns the windows that overlap a gap. Both lists are in order of time. */
export function windowsWithGaps(windows: readonly Interval[], gaps: readonly Interval[]): Interval[] {
  let next = 0;
  return windows.filter(({ from, to }) => {
    while (next < gaps.length && (gaps[next] as Interval).to <= from) next++;
    const gap = gaps[next];
    return gap !== undefined && gap.from < to;
  });
}
