import type { Micros } from "../../canonical/time.ts";
import { JournalCorrupt } from "./errors.ts";
import { openDirectory } from "./files.ts";
import { type Journal, openJournal } from "./journal.ts";
import { JournalUnusable, ownDirectory } from "./own-directory.ts";
import type { JournalLimits } from "./writer.ts";

/**
 * Opens the journal in a directory of the file system, and keeps other processes out of it until it is closed.
 * @throws JournalUnusable where another process has it open, where acknowledged records cannot be read, or where the
 * directory cannot be used
 */
export async function openJournalIn(path: string, limits: JournalLimits, now: () => Micros): Promise<Journal> {
  const release = await ownDirectory(path).catch((error: unknown) => {
    if (error instanceof JournalUnusable) throw error;
    throw new JournalUnusable(`the journal in ${path} cannot be opened: ${(error as Error).message}`, { cause: error });
  });
  try {
    const journal = await openJournal(await openDirectory(path), limits, now);
    return { ...journal, close: () => journal.close().finally(release) };
  } catch (error) {
    await release();
    const cure =
      error instanceof JournalCorrupt
        ? "; nothing was changed. Keep the directory, start with another one, and have the senders repeat what they sent since"
        : "";
    throw new JournalUnusable(`the journal in ${path} cannot be opened: ${(error as Error).message}${cure}`, {
      cause: error,
    });
  }
}
