import { formatTime, type Micros } from "../canonical/time.ts";

/**
 * Returns why a trade from before the retention horizon is refused; null for others. It is unknown whether the rollups
 * already count it.
 * @param completeFrom time from which trades are complete; null where nothing was ever removed
 */
export function removedProblem(ts: Micros, completeFrom: Micros | null): string | null {
  if (completeFrom === null || ts >= completeFrom) return null;
  return `${formatTime(ts)} is before ${formatTime(completeFrom)}: retention has removed earlier trades`;
}
