import { HOUR } from "../canonical/bucket.ts";
import { ceilTo, formatTime } from "../canonical/time.ts";
import type { LostRows } from "../storage/retention/lost-rows.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/** Reports chunks that were not dropped by this program's retention, and how to recover. */
export function judgeLostRows(lost: readonly LostRows[]): Finding[] {
  if (lost.length === 0) return [ok("chunks were dropped only by [database.retention] and prune")];
  return lost.map(({ table, from, to }) => {
    const prune = `stellarindex prune --table ${table} --before ${formatTime(ceilTo(to, HOUR))}`;
    return wrong(
      `rows of ${table} from ${formatTime(from)} to ${formatTime(to)} are missing, and were not removed by this program's retention: ` +
        "requests that need them or earlier rows are refused",
      `remove the policy that dropped their chunks: SELECT remove_retention_policy('${table}', if_exists => true); then ` +
        (table === "trades"
          ? `declare them removed: ${prune}`
          : `recompute them: stellarindex rollups verify --repair; if the trades are missing as well, declare them removed: ${prune}`),
    );
  });
}
