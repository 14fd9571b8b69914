import { constants, cpSync, lstatSync, mkdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { asError } from "../../canonical/as-error.ts";
import type { Database } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { sync, syncTree } from "./engine.ts";
import { directoryIdentity, isSameDirectory } from "./identity.ts";

/**
 * Copies a live embedded database into a new directory, which can be opened like any other. The transaction keeps the one
 * session there is, so that nothing is written while the files are copied; whoever asks meanwhile waits. The copy is on
 * disk when this returns. Of one that fails nothing stays.
 * @throws DatabaseUnusable where the target exists, lies in the database's own directory, or cannot be made
 */
export async function backUp({ sql }: Database, directory: string, target: string): Promise<void> {
  // Without the slash that a name may end with.
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
        `${draft} exists: another backup to ${target} is under way, or was cut off; where none is, remove it`,
      );
    }
    mkdirSync(draft);
    isOurs = true;
    await sql.begin(async (transaction) => {
      // What the log still holds goes into the tables, so that the copy opens at once.
      await transaction`CHECKPOINT`;
      const files = join(directory, "database");
      cpSync(files, join(draft, "database"), { recursive: true, mode: constants.COPYFILE_FICLONE });
    });
    syncTree(draft);
    renameSync(draft, goal);
    sync(dirname(goal));
  } catch (error) {
    if (isOurs) rmSync(draft, { recursive: true, force: true });
    if (error instanceof DatabaseUnusable) throw error;
    throw new DatabaseUnusable(
      `${directory} is not copied to ${target} (${asError(error).message}); name a new directory in one that exists and ` +
        "can be written by this user, on a disk with room",
    );
  }
}

/** Of a link too that leads to nothing. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether a directory is another one or lies below it, by whatever links and mounts. */
function isIn(inner: string, outer: string): boolean {
  const sought = directoryIdentity(outer);
  for (let at = realpathSync(inner); ; at = dirname(at)) {
    if (isSameDirectory(directoryIdentity(at), sought)) return true;
    if (at === dirname(at)) return false;
  }
}
