import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { directoryIdentity } from "./identity.ts";

const DATABASE = "database";
const INCOMPLETE = "database.incomplete";

// -F would turn fsync off; the engine's C library has no fdatasync, which is the default for the log.
const DURABLE = [
  ...PGlite.defaultStartParams.filter((param) => param !== "-F"),
  ...["wal_sync_method=fsync", "max_wal_size=128MB", "min_wal_size=32MB"].flatMap((setting) => ["-c", setting]),
];
const LAST_WORDS = /^\S+ \S+ \S+ \[\d+\] (PANIC|FATAL): +(.*)/;
const EIO = 29;
const ENOSPC = 51;
// Numbers as the engine's C library has them, which are not this machine's.
const ERRORS: Readonly<Record<number, string>> = {
  2: "EACCES",
  19: "EDQUOT",
  [EIO]: "EIO",
  44: "ENOENT",
  [ENOSPC]: "ENOSPC",
  54: "ENOTDIR",
  63: "EPERM",
  69: "EROFS",
};

/** The part of the engine's file system layer that is amended. */
interface FileSystemModule {
  readonly FS: { readonly ErrnoError: new (errno: number) => Error };
  readonly NODEFS: { readonly stream_ops: { fsync?: (stream: { readonly nfd: number }) => number } };
}

/** Files on disk, and an fsync that reaches them: the layer as it is has none, and answers that all is well. */
class DurableFiles extends NodeFS {
  override async init(...[engine, options]: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(engine, options);
    const addSync = (module: unknown): void => {
      const { FS, NODEFS } = module as FileSystemModule;
      NODEFS.stream_ops.fsync = ({ nfd }) => {
        try {
          fsyncSync(nfd);
          return 0;
        } catch (error) {
          throw new FS.ErrnoError((error as NodeJS.ErrnoException).code === "ENOSPC" ? ENOSPC : EIO);
        }
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), addSync] } };
  }
}

/** A directory is not opened as it is; the message says the cure. */
export class OpeningRefused extends Error {
  override readonly name = "OpeningRefused";
}

/** What PostgreSQL tells a database by. */
const VERSION_FILE = "PG_VERSION";

/**
 * Opens the database in a directory, made where there is none; null for one in memory. What it acknowledges is on disk,
 * and it recovers to that by itself, as PostgreSQL does.
 * @param onFatal hears the engine's last words, while it still runs them: it can do nothing more, and would spin
 */
export async function openEngine(directory: string | null, onFatal: (reason: string) => void): Promise<PGlite> {
  const hear = (text: string): boolean => {
    const [, , reason] = LAST_WORDS.exec(text) ?? [];
    if (reason !== undefined) onFatal(reason);
    return true;
  };
  if (directory === null) return PGlite.create("memory://", { onStderr: hear });
  const open = () =>
    PGlite.create({ fs: new DurableFiles(join(directory, DATABASE)), startParams: DURABLE, onStderr: hear });
  const incomplete = join(directory, INCOMPLETE);
  const database = join(directory, DATABASE);
  refuseLink(database);
  if (existsSync(incomplete)) removeCutOff(directory, database, incomplete);
  else if (holdsDatabase(directory)) {
    // Without it the engine would take the directory for a new one, and make another database over what is there.
    if (!existsSync(join(database, VERSION_FILE))) throw new Error(`${DATABASE}/${VERSION_FILE} is missing`);
    return open();
  }
  mkdirSync(database, { recursive: true });
  // A new one is copied into place, file by file: one that was cut off half way must not be taken for a database.
  writeFileSync(incomplete, markOf(database));
  // Before anything is made: a mark without its text would not be known to be of this database.
  sync(incomplete);
  sync(directory);
  const made = await open();
  syncTree(database);
  rmSync(incomplete);
  sync(directory);
  return made;
}

/** What was thrown, in words; by the engine's file system, which throws no Error, as the name of the error there. */
export function reasonOf(thrown: unknown): string {
  const { errno, code, message } = (thrown ?? {}) as { errno?: number; code?: string; message?: string };
  // Node's own errors have a number too.
  if (errno !== undefined && code === undefined) return `its file system failed (${ERRORS[errno] ?? `error ${errno}`})`;
  return message ?? String(thrown);
}

/** Whether there is something in a directory that nobody may make a new database over, good or damaged. */
export function holdsDatabase(directory: string): boolean {
  const database = join(directory, DATABASE);
  return existsSync(database) && readdirSync(database).length > 0;
}

/** The lock is in the directory, so that two directories must not lead to one database. */
function refuseLink(database: string): void {
  if (lstatSync(database, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new OpeningRefused(
      `${database} is a link; name the directory that holds what it leads to, or move that into its place`,
    );
  }
}

/** What was never complete goes; a backup that was put in its place since is another directory, and stays. */
function removeCutOff(directory: string, database: string, incomplete: string): void {
  if (holdsDatabase(directory) && readFileSync(incomplete, "utf8") !== markOf(database)) {
    throw new OpeningRefused(
      `${incomplete} says that a database was never made to its end, and is not of the one that is there now; remove ` +
        "the file where that one was put there since, or else both",
    );
  }
  rmSync(database, { recursive: true, force: true });
}

/** Which directory is being made; devices are numbered anew at each boot. */
function markOf(database: string): string {
  return directoryIdentity(database).inode;
}

/** Brings a directory and all below it to the disk. */
export function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) sync(path);
  }
  sync(directory);
}

/** Brings a file's content, or a directory's list of names, to the disk. */
export function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
