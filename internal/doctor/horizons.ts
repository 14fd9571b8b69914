import { formatDuration } from "../canonical/duration.ts";
import { formatTime, type Micros, seconds } from "../canonical/time.ts";
import type { Horizons } from "../storage/retention/horizons.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/**
 * Checks that no horizon lies within the longest window.
 * @param horizons horizon of each table; tables that were never pruned are absent
 */
export function checkHorizons(horizons: Horizons, windows: readonly number[], now: Micros): Finding[] {
  const longest = Math.max(...windows);
  const short = [...horizons].filter(([, completeFrom]) => completeFrom > now - seconds(longest));
  if (short.length === 0) {
    const cut = [...horizons].map(([table, completeFrom]) => `${table} from ${formatTime(completeFrom)}`);
    return [ok(cut.length === 0 ? "no rows were ever removed" : `complete: ${cut.join(", ")}`)];
  }
  return short.map(([table, completeFrom]) =>
    wrong(
      `${table} is complete only from ${formatTime(completeFrom)}: windows of ${formatDuration(longest)} begin earlier and have no value`,
      `keep rows for longer ([database.retention] ${table}, prune --older-than); these windows have values again from ${formatTime(completeFrom + seconds(longest))}`,
    ),
  );
}
