import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { directoryIdentity } from "./identity.ts";

const DATABASE = "database";
const VERSION_FILE = "PG_VERSION";
/** Marker file of a database whose creation or copy is not finished. */
export const INCOMPLETE = "database.incomplete";
/** Marker file of a complete database: if the database is missing later, a new one must not be created in its place. */
export const COMPLETE = "database.complete";

const FATAL_LINE = /^\S+ \S+ \S+ \[\d+\] (PANIC|FATAL): +(.*)/;
// Error numbers of the engine's C library (WASI), which differ from the operating system's.
const ERRORS: Readonly<Record<number, string>> = {
  2: "EACCES",
  19: "EDQUOT",
  29: "EIO",
  44: "ENOENT",
  51: "ENOSPC",
  54: "ENOTDIR",
  63: "EPERM",
  69: "EROFS",
};

/** The directory cannot be opened as it is; the message says what to do. */
export class OpeningRefused extends Error {
  override readonly name = "OpeningRefused";
}

/** The file that marks a PostgreSQL data directory. */
export function versionFile(directory: string): string {
  return join(directory, DATABASE, VERSION_FILE);
}

/**
 * Opens or creates the database in a directory; null for one in memory. Commits are durable, and crash recovery is
 * PostgreSQL's own.
 * @param directory an absolute path, which becomes the working directory
 * @param onFatal called synchronously with the engine's PANIC or FATAL message; it must exit, or the engine would spin
 */
export async function openEngine(directory: string | null, onFatal: (reason: string) => void): Promise<PGlite> {
  const onStderr = (text: string): boolean => {
    const [, , reason] = FATAL_LINE.exec(text) ?? [];
    if (reason !== undefined) onFatal(reason);
    return true;
  };
  // Loaded lazily: processes that only connect do not need the engine.
  const { openFiles, openMemory } = await import("./pglite.ts");
  if (directory === null) return openMemory(onStderr);
  const open = () => {
    process.chdir(directory);
    return openFiles(DATABASE, onStderr);
  };
  const incomplete = join(directory, INCOMPLETE);
  const complete = join(directory, COMPLETE);
  const database = join(directory, DATABASE);
  refuseLink(database);
  if (existsSync(incomplete)) removeIncomplete(directory, database, incomplete);
  else if (holdsDatabase(directory)) {
    // Without this file the engine would initialize a new database over the existing files.
    if (!existsSync(versionFile(directory))) throw new Error(`${DATABASE}/${VERSION_FILE} is missing`);
    refuseRoot(database);
    if (!existsSync(complete)) makeMark(directory, complete, "");
    return open();
  } else if (existsSync(complete)) {
    throw new OpeningRefused(
      `${complete} marks an existing database, but ${database} is missing or empty: restore it or a backup; to start ` +
        "with a new database, remove the file",
    );
  }
  refuseDataDirectory(directory);
  mkdirSync(database, { recursive: true });
  // The engine copies a new database into place file by file; an interrupted copy must not be taken for a database.
  makeMark(directory, incomplete, markOf(database));
  const made = await open();
  syncTree(database);
  // From now on a missing database is an error.
  renameSync(incomplete, complete);
  sync(directory);
  return made;
}

/** Writes a marker file and syncs it to disk. */
function makeMark(directory: string, path: string, text: string): void {
  writeFileSync(path, text);
  sync(path);
  sync(directory);
}

/** Refuses to run as root on another user's database: the owner could not read the files that root creates. */
function refuseRoot(database: string): void {
  const { uid } = statSync(database);
  if (process.geteuid?.() !== 0 || uid === 0) return;
  throw new OpeningRefused(
    `${database} belongs to user id ${uid}, who could not open it after root wrote to it: run this as that user ` +
      `(sudo -u '#${uid}' …), or make root the owner of the directory (chown -R)`,
  );
}

/** Returns the message of a thrown value. The engine's file system throws objects with an error number only. */
export function reasonOf(thrown: unknown): string {
  const { errno, code, message } = (thrown ?? {}) as { errno?: number; code?: string; message?: string };
  // Errors of Node.js have both errno and code.
  if (errno !== undefined && code === undefined) return `its file system failed (${ERRORS[errno] ?? `error ${errno}`})`;
  return message ?? String(thrown);
}

/**
 * Returns whether the directory contains database files, intact or damaged.
 * @throws Error if this user may not read it
 */
export function holdsDatabase(directory: string): boolean {
  try {
    return readdirSync(join(directory, DATABASE)).length > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Refuses a link: two directories, each with its own lock, could lead to one database. */
function refuseLink(database: string): void {
  if (lstatSync(database, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new OpeningRefused(
      `${database} is a link; name the directory that contains its target, or replace the link by its target`,
    );
  }
}

/** Refuses a PostgreSQL data directory, in which a new database would be created among the files of another one. */
function refuseDataDirectory(directory: string): void {
  if (existsSync(join(directory, VERSION_FILE))) {
    throw new OpeningRefused(
      `${directory} is a PostgreSQL data directory; name the directory above it if it belongs to an embedded database, ` +
        "or the URL (postgres://…) if it belongs to a server",
    );
  }
}

/** Removes a database whose creation was interrupted; refuses if another one, such as a backup, is in its place. */
function removeIncomplete(directory: string, database: string, incomplete: string): void {
  if (holdsDatabase(directory) && readFileSync(incomplete, "utf8") !== markOf(database)) {
    throw new OpeningRefused(
      `${incomplete} marks an unfinished database other than the one that is there now; if you put that one there, ` +
        "remove the file, else remove both",
    );
  }
  rmSync(database, { recursive: true, force: true });
}

/** Identifies the directory that is being created by its inode alone: device numbers can change at boot. */
function markOf(database: string): string {
  return directoryIdentity(database).inode;
}

/** Syncs a directory tree to disk. */
export function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) sync(path);
  }
  sync(directory);
}

/** Syncs a file, or a directory's entries, to disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
