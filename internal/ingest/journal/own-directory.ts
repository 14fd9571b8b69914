import { randomUUID } from "node:crypto";
import { utimes } from "node:fs/promises";
import { openListener } from "../../storage/embedded/listener.ts";
import { HEARTBEAT_MS, LockRefused, nameOf, releaseLock, takeLock } from "../../storage/embedded/lock.ts";
import { makeDirectory } from "../../storage/embedded/make-directory.ts";
import { socketPath } from "../../storage/embedded/socket-path.ts";

/** The journal of the directory cannot be opened now; the message says what to do. */
export class JournalUnusable extends Error {
  override readonly name = "JournalUnusable";
}

/**
 * Makes this process the owner of a directory, with the lock that embedded databases have: it ends with the process, also
 * where that is killed, and holds for containers that share a volume. The directory is created where it does not exist.
 * @returns the function that gives the directory up
 * @throws JournalUnusable where another process has it, or may have it
 */
export async function ownDirectory(directory: string): Promise<() => Promise<void>> {
  makeDirectory(directory);
  const instance = randomUUID();
  const listener = await openListener(socketPath(directory, instance));
  try {
    const taken = await takeLock(directory, instance);
    if (!("number" in taken)) {
      throw new JournalUnusable(
        `the journal in ${directory} is in use by ${nameOf(taken)}; give each gateway a directory of its own`,
      );
    }
    // Another machine that shares the disk sees only this.
    const heartbeat = setInterval(() => {
      const now = new Date();
      utimes(taken.path, now, now).catch(() => {});
    }, HEARTBEAT_MS).unref();
    return async () => {
      clearInterval(heartbeat);
      try {
        releaseLock(directory, taken);
      } catch {
        // The directory was moved or removed, or its disk failed: the lock ends with the process.
      }
      await listener.close();
    };
  } catch (error) {
    await listener.close();
    if (!(error instanceof LockRefused)) throw error;
    throw new JournalUnusable(
      `another process may have the journal in ${directory} open: make sure that none does, on any machine, and remove ` +
        `lock.* in that directory`,
      { cause: error },
    );
  }
}
