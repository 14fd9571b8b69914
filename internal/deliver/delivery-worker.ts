import { runLoop } from "../../sdk/worker/src/loop.ts";
import { DELIVER_KIND } from "../storage/events/deliveries.ts";
import { type DeliveryParts, makeDeliverEvent } from "./deliver-event.ts";
import { deliverFailed } from "./events.ts";
import { deliveryLedger } from "./ledger.ts";
import { releaseWaitingSoon } from "./release-waiting.ts";

const LEASE_SECONDS = 60;
const POLL_SECONDS = 0.2;
/** How long a daemon that stops waits for answers. */
const DRAIN_SECONDS = 10;

/**
 * Delivers events until the signal aborts: no destination takes places of another one, since there are as many as all of them
 * may have together.
 * @param name the worker's name in history
 */
export async function runDeliveries(name: string, parts: DeliveryParts, signal: AbortSignal): Promise<void> {
  const { database, tenant, receivers, stopwatch, random } = parts;
  const deliver = makeDeliverEvent(parts);
  const release = releaseWaitingSoon(database, tenant);
  try {
    await runLoop(
      {
        ledger: deliveryLedger(database, tenant, stopwatch),
        kinds: [DELIVER_KIND],
        name,
        concurrency: [...receivers.values()].reduce((sum, { concurrency }) => sum + concurrency, 0),
        leaseSeconds: LEASE_SECONDS,
        pollSeconds: POLL_SECONDS,
        deadlineSeconds: null,
        drainSeconds: DRAIN_SECONDS,
        handle: (job, { signal: aborted }) => deliver(job, aborted),
        onStarted: () => {},
        onEnded: (_job, outcome) => {
          if (outcome === "dead" || outcome === "failed") release.now();
        },
        onCallFailed: (call, error) => deliverFailed.publish({ call, error }),
        random,
        stopwatch,
      },
      signal,
    );
  } finally {
    release.stop();
  }
}
