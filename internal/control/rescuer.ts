import { keepCalling } from "../lib/keep-calling.ts";
import type { RescuedJob } from "../storage/control/rescue.ts";
import { jobRescued, workerFailed } from "./events.ts";

/**
 * Returns jobs of lost workers to their lanes on a timer, until `stop`. Any number of processes may do so at once.
 * @param rescue returns what it has rescued
 */
export function keepRescuing(rescue: () => Promise<RescuedJob[]>, everySeconds: number): { readonly stop: () => void } {
  async function rescueAll(): Promise<void> {
    for (const job of await rescue()) jobRescued.publish({ job });
  }
  return keepCalling(everySeconds, rescueAll, (error) => workerFailed.publish({ call: "rescue", error }));
}
