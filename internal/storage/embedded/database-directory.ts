import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { COMPLETE, holdsDatabase } from "./engine.ts";

const MEMORY = "memory";

/** Returns the directory of an embedded database's URL; null for the database in memory and for servers. */
export function directoryOf(url: string): string | null {
  const [, named] = /^pglite:(.+)/.exec(url) ?? [];
  return named === undefined || named === MEMORY ? null : named;
}

/**
 * Returns whether opening the directory would not create a new database: there is one, or an obstacle that opening
 * reports, such as a dangling link or the marker of a missing database.
 */
export function isTaken(directory: string): boolean {
  try {
    if (existsSync(directory)) return existsSync(join(directory, COMPLETE)) || holdsDatabase(directory);
    return lstatSync(directory, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
