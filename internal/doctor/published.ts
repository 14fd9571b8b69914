import type { TargetState } from "../cache/target-state.ts";
import { formatDuration } from "../canonical/duration.ts";
import { type Finding, ok, skipped, warning } from "./finding.ts";

/** What the store holds of the targets. */
export function checkPublished(states: readonly TargetState[]): Finding {
  const count = (state: TargetState["state"]): number => states.filter((each) => each.state === state).length;
  const ages = states.flatMap(({ ageSeconds }) => ageSeconds ?? []);
  if (ages.length === 0 && count("unreadable") === 0) {
    return skipped(
      `none of ${states.length} targets has a value: no aggregator has run yet, or their windows are empty`,
    );
  }
  const oldest = formatDuration(Math.max(0, ...ages));
  const found = `${ages.length} of ${states.length} targets have a value, the oldest bucket ended ${oldest} ago`;
  const cure = "stellarindex status lists them; look into the aggregator's log and /readyz";
  if (count("unreadable") > 0) return warning(`${found}; ${count("unreadable")} hold something else`, cure);
  if (count("late") > 0) return warning(`${found}; ${count("late")} are late: does an aggregator run?`, cure);
  return ok(found);
}
