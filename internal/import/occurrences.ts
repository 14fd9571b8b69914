import { appendFileSync, closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BrokenFile } from "../lib/broken-file.ts";
import { DIGEST_BYTES } from "./trade-id.ts";

const PARTITIONS = 256;
const NUMBER_BYTES = 4;
const PAGE_BYTES = 4096;

/** Returns, for a file's digests in order, how often the digest has occurred so far, including this time. */
export type NextOccurrence = (digest: Buffer) => number;

export interface OccurrenceCounter {
  add(digest: Buffer): void;
  /** Ends the counting; the result must be called with the digests in the order in which they were added. */
  finish(): NextOccurrence;
}

/**
 * Numbers equal digests of a file that may exceed memory: they are partitioned by their first byte into 256 files in
 * `directory`, and each partition is numbered by itself. The caller removes `directory`.
 */
export function createOccurrenceCounter(directory: string): OccurrenceCounter {
  const partitions = Array.from({ length: PARTITIONS }, (_, index) => ({
    file: join(directory, `${index}`),
    page: Buffer.alloc(PAGE_BYTES),
    used: 0,
  }));
  return {
    add(digest) {
      const partition = partitionOf(partitions, digest);
      if (partition.used === PAGE_BYTES) {
        appendFileSync(partition.file, partition.page);
        partition.used = 0;
      }
      digest.copy(partition.page, partition.used, 0, DIGEST_BYTES);
      partition.used += DIGEST_BYTES;
    },
    finish() {
      const cursors = partitions.map(({ file, page, used }) => {
        const spilled = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
        const digests = Buffer.concat([spilled, page.subarray(0, used)]);
        const numbers = numberOccurrences(digests);
        if (numbers !== null) writeFileSync(file, numbers);
        return { file: numbers === null ? null : file, page, next: 0, length: digests.length / DIGEST_BYTES };
      });
      return (digest) => nextNumber(partitionOf(cursors, digest));
    },
  };
}

interface Cursor {
  /** null where every number is 1. */
  readonly file: string | null;
  readonly page: Buffer;
  readonly length: number;
  next: number;
}

function partitionOf<T>(partitions: readonly T[], digest: Buffer): T {
  return partitions[digest[0] ?? 0] as T;
}

/** Returns the numbers of the digests, 32 bits each; null where no digest occurs twice. */
function numberOccurrences(digests: Buffer): Buffer | null {
  const seen = new Map<bigint, number>();
  const numbers = Buffer.alloc((digests.length / DIGEST_BYTES) * NUMBER_BYTES);
  for (let index = 0; index * DIGEST_BYTES < digests.length; index++) {
    const digest = digests.readBigUInt64LE(index * DIGEST_BYTES);
    const number = (seen.get(digest) ?? 0) + 1;
    seen.set(digest, number);
    numbers.writeUInt32LE(number, index * NUMBER_BYTES);
  }
  return seen.size * NUMBER_BYTES === numbers.length ? null : numbers;
}

function nextNumber(cursor: Cursor): number {
  if (cursor.next === cursor.length) throw new BrokenFile("changed while it was read; import it again");
  const position = cursor.next * NUMBER_BYTES;
  cursor.next += 1;
  if (cursor.file === null) return 1;
  if (position % PAGE_BYTES === 0) readPage(cursor.file, cursor.page, position);
  return cursor.page.readUInt32LE(position % PAGE_BYTES);
}

function readPage(file: string, page: Buffer, position: number): void {
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, page, 0, PAGE_BYTES, position);
  } finally {
    closeSync(descriptor);
  }
}
