import { open, stat } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { InputError } from "../canonical/input-error.ts";
import { BrokenFile } from "./broken-file.ts";

/** Text of trades shrinks to about a tenth; what grows more than this is made to fill memory or time. */
const MAX_GROWTH = 500;
/** Smaller files may grow more: a few thousand equal rows do. */
const MIN_SUSPECT_SIZE = 64 * 1024 * 1024;
const MAX_ENTRIES = 65_536;

const GET_AGAIN = "get it again";

/** Returns whether a file on disk begins like a zip archive. */
export async function isZip(path: string): Promise<boolean> {
  // Opening a pipe would wait for its writer.
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
  const file = isFile ? await open(path).catch(() => null) : null;
  try {
    const start = await file?.read(Buffer.alloc(4), 0, 4, 0);
    return start !== undefined && ["PK\u0003\u0004", "PK\u0005\u0006"].includes(start.buffer.toString("latin1"));
  } finally {
    await file?.close();
  }
}

/** A file in a zip archive. */
export type ZipEntry = Entry;

/**
 * Returns the files in a zip archive, without folders and hidden files.
 * @throws InputError where the archive is truncated or damaged
 */
export async function zipEntries(path: string): Promise<ZipEntry[]> {
  const zip = await openZip(path);
  const entries: Entry[] = [];
  try {
    if (zip.entryCount > MAX_ENTRIES) throw new InputError(`is a zip archive of more than ${MAX_ENTRIES} files`);
    for await (const entry of zip.eachEntry()) {
      // Archives made on a Mac have a second, hidden file for each.
      const isHidden = /(?:^|\/)(?:__MACOSX\/|\.DS_Store$|\._)/.test(entry.fileName);
      if (!entry.fileName.endsWith("/") && !isHidden) entries.push(entry);
    }
    return entries;
  } catch (error) {
    throw error instanceof InputError ? error : damaged(error);
  } finally {
    zip.close();
  }
}

/**
 * Yields the content of a file in a zip archive.
 * @param onBytes gets the length of each piece
 * @throws InputError where it cannot be unpacked, BrokenFile where it is damaged
 */
export async function* readZipEntry(
  path: string,
  entry: ZipEntry,
  onBytes: (count: number) => void,
): AsyncGenerator<Buffer> {
  checkEntry(entry);
  const zip = await openZip(path);
  let sum = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const piece of stream as AsyncIterable<Buffer>) {
      sum = crc32(piece, sum);
      onBytes(piece.length);
      yield piece;
    }
  } catch (error) {
    throw new BrokenFile(`its zip data is damaged (${(error as Error).message}); ${GET_AGAIN}`);
  } finally {
    zip.close();
  }
  if (sum !== entry.crc32) throw new BrokenFile(`its zip data is damaged (wrong checksum); ${GET_AGAIN}`);
}

function checkEntry(entry: ZipEntry): void {
  if (entry.isEncrypted()) throw new InputError("is encrypted: unpack it first (unzip FILE)");
  if (!entry.canDecodeFileData()) {
    throw new InputError(
      `is packed with method ${entry.compressionMethod}, which is not supported: unpack it first (unzip FILE)`,
    );
  }
  if (entry.uncompressedSize > MIN_SUSPECT_SIZE && entry.uncompressedSize > MAX_GROWTH * entry.compressedSize) {
    throw new InputError(
      `would grow to more than ${MAX_GROWTH} times its size, as no file of trades does; unpack it first if it is one`,
    );
  }
}

async function openZip(path: string): Promise<ZipFile> {
  try {
    return await openPromise(path, { autoClose: false });
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(error: unknown): InputError {
  return new InputError(`is a zip archive that is truncated or damaged (${(error as Error).message}); ${GET_AGAIN}`);
}
