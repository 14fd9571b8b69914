import { HOUR } from "../canonical/bucket.ts";
import { ceilTo, formatTime } from "../canonical/time.ts";
import type { LostRows } from "../storage/lost-rows.ts";
import { type Finding, ok, wrong } from "./finding.ts";

/** Whether chunks were dropped that our own retention has not dropped, and how to get out. */
export function judgeLostRows(lost: readonly LostRows[]): Finding[] {
  if (lost.length === 0) return [ok("no chunk was dropped but by [database.retention] and prune")];
  return lost.map(({ table, from, to }) => {
    const prune = `stellarindex prune --table ${table} --before ${formatTime(ceilTo(to, HOUR))}`;
    return wrong(
      `rows of ${table} from ${formatTime(from)} to ${formatTime(to)} are gone, and no retention of this program removed them: ` +
        "what needs them, or anything before them, is refused",
      `end what dropped their chunks: SELECT remove_retention_policy('${table}', if_exists => true); then ` +
        (table === "trades"
          ? `declare them removed: ${prune}`
          : `count them anew: stellarindex rollups verify --repair; where the trades are gone as well, declare them removed: ${prune}`),
    );
  });
}
