import { formatDuration } from "../canonical/duration.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { Horizons } from "../storage/horizons.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/**
 * Whether the tables reach back over the longest window.
 * @param horizons from when on each table is complete; a table that was never cut is not among them
 */
export function checkHorizons(horizons: Horizons, windows: readonly number[], now: Micros): Finding[] {
  const longest = Math.max(...windows);
  const short = [...horizons].filter(([, completeFrom]) => completeFrom > now - seconds(longest));
  if (short.length === 0) {
    const cut = [...horizons].map(([table, completeFrom]) => `${table} from ${formatTime(completeFrom)}`);
    return [ok(cut.length === 0 ? "nothing was ever removed" : `complete: ${cut.join(", ")}`)];
  }
  return short.map(([table, completeFrom]) =>
    wrong(
      `${table} is complete only from ${formatTime(completeFrom)}: windows of ${formatDuration(longest)} reach further back and have no value`,
      `keep more ([database.retention] ${table}, prune --older-than); what was removed is back in reach at ${formatTime(completeFrom + seconds(longest))}`,
    ),
  );
}
