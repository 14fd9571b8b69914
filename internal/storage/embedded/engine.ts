import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";

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
  if (existsSync(incomplete)) rmSync(database, { recursive: true, force: true });
  else if (existsSync(database) && readdirSync(database).length > 0) {
    // Without it the engine would take the directory for a new one, and make another database over what is there.
    if (!existsSync(join(database, VERSION_FILE))) throw new Error(`${DATABASE}/${VERSION_FILE} is missing`);
    return open();
  }
  // A new one is copied into place, file by file: one that was cut off half way must not be taken for a database.
  writeFileSync(incomplete, "");
  sync(directory);
  mkdirSync(database, { recursive: true });
  const made = await open();
  syncTree(database);
  rmSync(incomplete);
  sync(directory);
  return made;
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
