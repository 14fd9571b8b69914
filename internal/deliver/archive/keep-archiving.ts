import { keepCalling } from "../../lib/keep-calling.ts";
import { archiveOverdue } from "../../storage/events/archivable.ts";
import { archiveMeasured, deliverFailed } from "../events.ts";
import { type ArchivingParts, archiveDue } from "./archive-due.ts";

/** Often enough to fall behind by little, and seldom enough for objects of some size. */
const EVERY_SECONDS = 300;

/**
 * Keeps moving the data of old events to the archive. Any number of processes may do so at once.
 * @returns `stop`, which ends it within the event that is under way, and resolves then
 */
export function keepArchiving(
  parts: ArchivingParts,
  everySeconds = EVERY_SECONDS,
): { readonly stop: () => Promise<void> } {
  const stopped = new AbortController();
  const { signal } = stopped;
  let pass: Promise<void> = Promise.resolve();

  async function run(): Promise<void> {
    try {
      await archiveDue(parts, signal);
    } finally {
      const { database, tenant, afterSeconds } = parts;
      if (!signal.aborted) {
        archiveMeasured.publish({ overdueSeconds: await archiveOverdue(database.sql, tenant, afterSeconds) });
      }
    }
  }

  const calls = keepCalling(
    everySeconds,
    () => {
      pass = run();
      return pass;
    },
    (error) => {
      if (!signal.aborted) deliverFailed.publish({ call: "archive", error });
    },
  );
  return {
    stop: async () => {
      calls.stop();
      stopped.abort();
      await pass.catch(() => {});
    },
  };
}
