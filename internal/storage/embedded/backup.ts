import { constants, cpSync, lstatSync, mkdirSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { asError } from "../../lib/as-error.ts";
import type { Database } from "../connection/database.ts";
import { DatabaseUnusable } from "../connection/errors.ts";
import { INCOMPLETE, sync, syncTree } from "./engine.ts";
import { directoryIdentity, isSameDirectory } from "./identity.ts";

/**
 * Copies a live embedded database into a new directory. A transaction occupies the database's only session, so that
 * nothing is written during the copy; other clients wait. The copy is synced to disk when this returns; a failed one is
 * removed.
 * @throws DatabaseUnusable if the target exists, lies in the database's own directory, or cannot be created
 */
export async function createBackup({ sql }: Database, directory: string, target: string): Promise<void> {
  // Removes a trailing slash.
  const goal = resolve(target);
  const draft = `${goal}.incomplete`;
  let isOurs = false;
  try {
    if (exists(goal)) throw new DatabaseUnusable(`${target} exists already; name a directory that does not`);
    if (isIn(dirname(goal), directory)) {
      throw new DatabaseUnusable(`${target} lies in the directory of the database itself; name one elsewhere`);
    }
    if (exists(draft)) {
      throw new DatabaseUnusable(
        `${draft} exists: another backup to ${target} is running or was interrupted; if none is running, remove it`,
      );
    }
    mkdirSync(draft);
    isOurs = true;
    // An interrupted copy must not be taken for a database.
    const mark = join(draft, INCOMPLETE);
    writeFileSync(mark, "");
    await sql.begin(async (transaction) => {
      // After a checkpoint the copy opens without replaying the WAL.
      await transaction`CHECKPOINT`;
      const files = join(directory, "database");
      cpSync(files, join(draft, "database"), { recursive: true, mode: constants.COPYFILE_FICLONE });
    });
    syncTree(draft);
    rmSync(mark);
    sync(draft);
    renameSync(draft, goal);
    sync(dirname(goal));
  } catch (error) {
    if (isOurs) rmSync(draft, { recursive: true, force: true });
    if (error instanceof DatabaseUnusable) throw error;
    throw new DatabaseUnusable(
      `${directory} could not be copied to ${target} (${asError(error).message}); name a new directory below an existing ` +
        "one that this user can write, on a disk with free space",
    );
  }
}

/** Returns whether there is anything at the path, a dangling link included. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Returns whether `inner` is `outer` or lies below it, with links and mounts resolved. */
function isIn(inner: string, outer: string): boolean {
  const sought = directoryIdentity(outer);
  for (let at = realpathSync(inner); ; at = dirname(at)) {
    if (isSameDirectory(directoryIdentity(at), sought)) return true;
    if (at === dirname(at)) return false;
  }
}
