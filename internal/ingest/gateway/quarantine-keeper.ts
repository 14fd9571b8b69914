import { asError } from "../../lib/as-error.ts";
import { within } from "../../lib/within.ts";
import type { Quarantined } from "../../storage/ingest/quarantine.ts";
import type { Journal } from "../journal/journal.ts";
import { quarantinedRecord } from "../records.ts";
import { quarantined } from "./events.ts";

const DATABASE_SECONDS = 0.5;
/** Entries that wait for the database; further ones go to the journal. */
const MAX_WAITING = 8;

/**
 * Returns a function that keeps what cannot be read: in the database or, where that does not answer in time, in the
 * journal. It never rejects, since the sender is answered in the same way; where nothing takes it in time, an event says so.
 * @param store stores entries in the database
 * @param journalSeconds how long the journal may take
 */
export function makeQuarantineKeeper(
  store: (entries: readonly Quarantined[]) => Promise<void>,
  journal: Pick<Journal, "append"> | null,
  journalSeconds: number,
): (entry: Quarantined) => Promise<void> {
  let waiting = 0;
  async function inDatabase(entry: Quarantined): Promise<void> {
    if (waiting >= MAX_WAITING) throw new Error("the database is slow");
    waiting++;
    const stored = store([entry]).finally(() => {
      waiting--;
    });
    await within(DATABASE_SECONDS, stored, "the database did not answer in time");
  }

  return async (entry) => {
    const { kind } = entry;
    try {
      await inDatabase(entry).catch((error: unknown) => {
        if (journal === null) throw error;
        const appended = journal.append([quarantinedRecord(entry)]);
        return within(journalSeconds, appended, "the journal's disk did not answer in time");
      });
      quarantined.publish({ kind, error: null });
    } catch (error) {
      quarantined.publish({ kind, error: asError(error) });
    }
  };
}
