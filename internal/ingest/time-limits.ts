import { formatTime, type Micros, seconds } from "../canonical/time.ts";

/** Tolerated difference between the clocks of a venue and this machine. */
const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * Returns why a trade of the future is refused; null for others. It cannot be real, and would count once that time
 * comes.
 */
export function futureProblem(ts: Micros, clock: Micros): string | null {
  if (ts <= clock + seconds(CLOCK_TOLERANCE_SECONDS)) return null;
  return `${formatTime(ts)} is in the future: this machine's clock says ${formatTime(clock)}; times are UTC unless they name a zone`;
}

/**
 * Returns why a trade from before the retention horizon is refused; null for others. It is unknown whether the rollups
 * already count it.
 * @param completeFrom time from which trades are complete; null where nothing was ever removed
 */
export function removedProblem(ts: Micros, completeFrom: Micros | null): string | null {
  if (completeFrom === null || ts >= completeFrom) return null;
  return `${formatTime(ts)} is before ${formatTime(completeFrom)}: retention has removed earlier trades`;
}
