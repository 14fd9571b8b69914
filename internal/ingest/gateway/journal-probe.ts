import type { Journal } from "../journal/journal.ts";
import { RECORD_KINDS } from "../records.ts";

/**
 * Finds out whether a journal that could not be written can be by now, which no trade tells while the database takes them
 * all. It never rejects, since the journal's state says how it went.
 */
export async function probeJournal(journal: Pick<Journal, "append" | "state">): Promise<void> {
  if (journal.state().trouble === null) return;
  await journal.append([{ kind: RECORD_KINDS.probe, payload: Buffer.alloc(0) }]).catch(() => {});
}
