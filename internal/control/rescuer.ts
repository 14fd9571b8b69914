import { keepCalling } from "../lib/keep-calling.ts";
import type { RescuedJob } from "../storage/control/rescue.ts";
import { jobRescued, workerFailed } from "./events.ts";

const RESCUE_SECONDS = 5;
const CLOSE_SECONDS = 60;

/** What is done for a ledger whoever uses it. */
export interface LedgerCare {
  /** Returns jobs of lost workers to their lanes; returns these jobs. */
  readonly rescue: () => Promise<RescuedJob[]>;
  /** Closes lanes that nobody uses. */
  readonly closeLanes: () => Promise<unknown>;
}

/** Takes care of a ledger on timers, until `stop`. Any number of processes may do so at once. */
export function keepRescuing({ rescue, closeLanes }: LedgerCare): { readonly stop: () => void } {
  async function rescueAll(): Promise<void> {
    for (const job of await rescue()) jobRescued.publish({ job });
  }
  const failed = (error: Error) => workerFailed.publish({ call: "rescue", error });
  const calls = [keepCalling(RESCUE_SECONDS, rescueAll, failed), keepCalling(CLOSE_SECONDS, closeLanes, failed)];
  return {
    stop: () => {
      for (const { stop } of calls) stop();
    },
  };
}
