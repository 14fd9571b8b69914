import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { InputError } from "../canonical/input-error.ts";
import { BrokenFile } from "./broken-file.ts";
import { unpacked } from "./bytes.ts";
import type { Input } from "./input.ts";

/** Text of trades shrinks to about a tenth; what grows more than this is made to fill memory or time. */
const MAX_GROWTH = 500;
/** Smaller files may grow more: a few thousand equal rows do. */
const MIN_SUSPECT_SIZE = 64 * 1024 * 1024;
const MAX_ENTRIES = 65_536;

const GET_AGAIN = "get it again and import it again";

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

/**
 * Returns the files in a zip archive, each as an input of its own. Nothing is unpacked to disk: their names are used
 * in messages and to tell the pair only.
 * @throws InputError where the archive is damaged, is a spreadsheet, or has no file in it
 */
export async function zipInputs(path: string, label: string = path): Promise<Input[]> {
  const entries = await filesIn(path);
  if (entries.some(({ fileName }) => fileName === "[Content_Types].xml")) {
    throw new InputError("is a spreadsheet: export the sheet as CSV");
  }
  if (entries.length === 0) throw new InputError("is a zip archive without a file in it: get it again");
  const [only] = entries.length === 1 ? entries : [];
  return entries.map((entry) => ({
    label: entry === only ? label : `${label}/${entry.fileName.replaceAll(/\p{Cc}/gu, "?")}`,
    names: entry === only ? [basename(entry.fileName), basename(label)] : [basename(entry.fileName)],
    size: async () => entry.uncompressedSize,
    open: (onBytes) => unpacked(readEntry(path, entry, onBytes)),
  }));
}

async function filesIn(path: string): Promise<Entry[]> {
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

async function* readEntry(path: string, entry: Entry, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
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

function checkEntry(entry: Entry): void {
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
