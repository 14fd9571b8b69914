import { constants, cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Database } from "../database.ts";
import { DatabaseUnusable } from "../errors.ts";
import { sync, syncTree } from "./engine.ts";

/**
 * Copies a live embedded database into a new directory, which can be opened like any other. The transaction keeps the one
 * session there is, so that nothing is written while the files are copied; whoever asks meanwhile waits. The copy is on
 * disk when this returns.
 * @throws DatabaseUnusable where the target exists
 */
export async function backUp({ sql }: Database, directory: string, target: string): Promise<void> {
  if (existsSync(target)) throw new DatabaseUnusable(`${target} exists already; name a directory that does not`);
  const draft = `${target}.incomplete`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  await sql.begin(async (transaction) => {
    // What the log still holds goes into the tables, so that the copy opens at once.
    await transaction`CHECKPOINT`;
    cpSync(join(directory, "database"), join(draft, "database"), { recursive: true, mode: constants.COPYFILE_FICLONE });
  });
  syncTree(draft);
  renameSync(draft, target);
  sync(dirname(target));
}
