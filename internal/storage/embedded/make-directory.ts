import { lstatSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates a directory and its missing parents. Node's `recursive` option loops forever on file systems that report
 * ENOENT although the parent exists, such as /proc or an automounter's.
 * @throws Error that names the obstacle
 */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    if (isDirectory(directory)) return;
    refuseLink(directory);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const above = dirname(directory);
    if (isDirectory(above)) throw new Error(`nothing can be created in ${above}`);
    makeDirectory(above);
    makeDirectory(directory);
  }
}

/** Returns whether the path leads to a directory; false if it cannot be read, since the error of mkdir says more. */
function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function refuseLink(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  // For a circular link or an unreadable target statSync throws an error of its own.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) throw new Error(`${path} is a dangling link`);
}
