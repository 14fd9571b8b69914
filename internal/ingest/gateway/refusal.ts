import type { NotDurable } from "../durable-writes.ts";
import { JournalFull } from "../journal/errors.ts";

/** Returns why the journal did not take what was sent, as a code. */
export function refusalOf({ journal }: NotDurable) {
  if (journal === null) return "no-journal";
  if (journal instanceof JournalFull) return journal.reason === "disk" ? "disk-full" : "journal-full";
  return "journal-failed";
}
