import { keepCalling } from "../lib/keep-calling.ts";
import { workerFailed } from "./events.ts";

const EVERY_SECONDS = 60;
/** Batches of one call: what is left is removed by the next ones. */
const MOST_BATCHES = 20;

/**
 * Removes ended jobs on a timer, in small transactions, until `stop`. Any number of processes may do so at once.
 * @param keepDays returns for how many days ended jobs are kept; 0 for ever
 * @param remove removes a batch of those that ended so many days ago; returns how many
 */
export function keepRemovingEnded(
  keepDays: () => number,
  remove: (days: number) => Promise<number>,
): { readonly stop: () => void } {
  return keepCalling(
    EVERY_SECONDS,
    () => removeEnded(keepDays(), remove),
    (error) => workerFailed.publish({ call: "remove", error }),
  );
}

/** Removes batches until one is empty, up to a limit; returns how many jobs were removed. */
export async function removeEnded(days: number, remove: (days: number) => Promise<number>): Promise<number> {
  let removed = 0;
  if (days === 0) return removed;
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const count = await remove(days);
    if (count === 0) break;
    removed += count;
  }
  return removed;
}
