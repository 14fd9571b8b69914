import { ceilTo, floorTo, laterOf, type Micros, seconds } from "../../canonical/time.ts";

/** What was missed longer ago is not looked for. */
export const RECOVERED_SECONDS = 3600;

/**
 * Returns the boundaries after `last` and up to `newest`, in order: those of the grid within the last hour before `newest`,
 * and the given ones.
 * @param last the last boundary that was told
 * @param given boundaries whose outcome is known, `newest` among them
 */
export function dueBoundaries(
  last: Micros,
  given: readonly Micros[],
  newest: Micros,
  intervalSeconds: number,
): Micros[] {
  const step = seconds(intervalSeconds);
  const after = laterOf(last, newest - seconds(RECOVERED_SECONDS));
  const due = new Set(given.filter((to) => to > after && to <= newest));
  for (let to = ceilTo(after + 1n, step); to <= floorTo(newest, step); to += step) due.add(to);
  return [...due].sort((a, b) => (a < b ? -1 : 1));
}
