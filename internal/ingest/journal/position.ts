import { crc32 } from "node:zlib";
import type { JournalDirectory, JournalFile } from "./files.ts";

/** How far a journal has come, by sequence numbers; 0 for nothing. */
export interface Position {
  /** The last record that was synced before its callers were told so. */
  readonly durable: number;
  /** The last record that its reader is done with. */
  readonly committed: number;
}

/** The stored position. */
export interface StoredPosition {
  /** As it was stored; null where it is missing or damaged. */
  readonly found: Position | null;
  /** Stores the latest position that `current` returns. It survives the process, and after {@link sync} the machine. */
  readonly save: () => Promise<void>;
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const NAME = "position";
const BYTES = 24;
const MAGIC = 0x31504a53;

/** @param current returns the position to store */
export async function openPosition(directory: JournalDirectory, current: () => Position): Promise<StoredPosition> {
  const isThere = (await directory.list()).includes(NAME);
  const file = isThere ? await directory.open(NAME) : await directory.create(NAME);
  const found = decode(await file.read(0, BYTES));
  // One write after the other, since an earlier one must not replace a later one.
  let last: Promise<void> = Promise.resolve();
  return {
    found,
    save: () => {
      last = last.catch(() => {}).then(() => file.write(encode(current()), 0));
      return last;
    },
    sync: () => last.then(() => syncAll(file, directory)),
    close: () => file.close(),
  };
}

async function syncAll(file: JournalFile, directory: JournalDirectory): Promise<void> {
  await file.sync();
  await directory.sync();
}

function encode({ durable, committed }: Position): Buffer {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeBigUInt64LE(BigInt(durable), 4);
  bytes.writeBigUInt64LE(BigInt(committed), 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 20)), 20);
  return bytes;
}

function decode(bytes: Buffer): Position | null {
  if (bytes.length < BYTES || bytes.readUInt32LE(0) !== MAGIC) return null;
  if (bytes.readUInt32LE(20) !== crc32(bytes.subarray(0, 20))) return null;
  return { durable: Number(bytes.readBigUInt64LE(4)), committed: Number(bytes.readBigUInt64LE(12)) };
}
