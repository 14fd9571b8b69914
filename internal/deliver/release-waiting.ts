import { asError } from "../lib/as-error.ts";
import { keepCalling } from "../lib/keep-calling.ts";
import { retryConflicts } from "../storage/connection/conflicts.ts";
import type { Database } from "../storage/connection/database.ts";
import { inTransaction, READ_COMMITTED } from "../storage/connection/transaction.ts";
import { removeEndedHeads } from "../storage/events/order-heads.ts";
import { releaseWaiting } from "../storage/events/release.ts";
import { deliverFailed } from "./events.ts";

/** Dead deliveries that another process or an operator has ended are found after so long. */
const SWEEP_SECONDS = 30;

/**
 * Keeps letting deliveries go on that wait for one of their key that will not succeed: regularly, and when told that one has
 * ended.
 */
export function releaseWaitingSoon(
  { sql }: Pick<Database, "sql">,
  tenant: string,
): { readonly now: () => void; readonly stop: () => void } {
  const release = async (): Promise<void> => {
    const released = () => inTransaction(sql, READ_COMMITTED, (transaction) => releaseWaiting(transaction, tenant));
    while ((await retryConflicts(released)) > 0);
  };
  const failed = (error: unknown): void => deliverFailed.publish({ call: "release", error: asError(error) });
  const sweep = keepCalling(
    SWEEP_SECONDS,
    async () => {
      await release();
      await inTransaction(sql, READ_COMMITTED, (transaction) => removeEndedHeads(transaction, tenant));
    },
    failed,
  );
  let running: Promise<void> | null = null;
  let isAskedAgain = false;
  const run = async (): Promise<void> => {
    do {
      isAskedAgain = false;
      await release().catch(failed);
    } while (isAskedAgain);
    running = null;
  };
  return {
    now: () => {
      if (running === null) running = run();
      else isAskedAgain = true;
    },
    stop: sweep.stop,
  };
}
