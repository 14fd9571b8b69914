import { fsyncSync } from "node:fs";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";

// The default -F disables fsync. The engine's C library has no fdatasync, the default for the WAL.
const DURABLE = [
  ...PGlite.defaultStartParams.filter((param) => param !== "-F"),
  ...["wal_sync_method=fsync", "max_wal_size=128MB", "min_wal_size=32MB"].flatMap((setting) => ["-c", setting]),
];
// Error numbers of the engine's C library.
const EIO = 29;
const ENOSPC = 51;

/** The part of Emscripten's file system layer that is patched. */
interface FileSystemModule {
  readonly FS: { readonly ErrnoError: new (errno: number) => Error };
  readonly NODEFS: { readonly stream_ops: { fsync?: (stream: { readonly nfd: number }) => number } };
}

/** File system on disk with a working fsync: Emscripten's own does nothing and reports success. */
class DurableFiles extends NodeFS {
  /**
   * Relative to the working directory, which follows a move of the directory. The engine opens files by path one by
   * one; with an absolute path it would write into a directory that replaced the moved one.
   */
  protected override rootDir: string;

  constructor(database: string) {
    super(database);
    this.rootDir = database;
  }

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

/** Called with each line that the engine writes to standard error. */
type OnStderr = (text: string) => boolean;

/** Opens a database on disk. @param database path relative to the working directory, which must not change */
export function openFiles(database: string, onStderr: OnStderr): Promise<PGlite> {
  return PGlite.create({ fs: new DurableFiles(database), startParams: DURABLE, onStderr });
}

export function openMemory(onStderr: OnStderr): Promise<PGlite> {
  return PGlite.create("memory://", { onStderr });
}
