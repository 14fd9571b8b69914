import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";

/** A file of a journal. */
export interface JournalFile {
  /** Writes all bytes at an offset; after an error, a part of them may have been written. */
  readonly write: (bytes: Uint8Array, at: number) => Promise<void>;
  /** Resolves once the content and the size are on disk. */
  readonly sync: () => Promise<void>;
  readonly truncate: (size: number) => Promise<void>;
  /** Reads up to that many bytes, fewer at the end of the file. */
  readonly read: (at: number, length: number) => Promise<Buffer>;
  readonly size: () => Promise<number>;
  /** Returns whether no directory has the file any more, so that its content ends with this process. */
  readonly isRemoved: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** The directory of a journal. */
export interface JournalDirectory {
  readonly list: () => Promise<readonly string[]>;
  readonly open: (name: string) => Promise<JournalFile>;
  /** Creates an empty file, in place of one of this name. */
  readonly create: (name: string) => Promise<JournalFile>;
  readonly remove: (name: string) => Promise<void>;
  /** Resolves once the names of the files are on disk. */
  readonly sync: () => Promise<void>;
}

/** Opens a directory of the file system, which is created where it does not exist. */
export async function openDirectory(path: string): Promise<JournalDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return {
    list: () => readdir(path),
    open: async (name) => fileOf(await open(join(path, name), constants.O_RDWR)),
    create: async (name) =>
      fileOf(await open(join(path, name), constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600)),
    remove: (name) => unlink(join(path, name)),
    sync: async () => {
      const directory = await open(path, constants.O_RDONLY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}

function fileOf(handle: FileHandle): JournalFile {
  return {
    write: async (bytes, at) => {
      for (let done = 0; done < bytes.length; ) {
        done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      }
    },
    sync: () => handle.datasync(),
    truncate: (size) => handle.truncate(size),
    read: async (at, length) => {
      const buffer = Buffer.alloc(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, at + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return buffer.subarray(0, done);
    },
    size: async () => (await handle.stat()).size,
    isRemoved: async () => (await handle.stat()).nlink === 0,
    close: () => handle.close(),
  };
}
