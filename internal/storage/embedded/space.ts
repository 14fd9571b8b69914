import { statfsSync } from "node:fs";

// The engine's log grows by files of 16 MB; it ends where there is no room for the next one.
const NEEDED_BYTES = 48 << 20;

/** What is wrong where the disk of a directory is nearly full; null where there is room. */
export function spaceLeft(directory: string): string | null {
  const { bavail, bsize } = statfsSync(directory);
  const left = bavail * bsize;
  if (left >= NEEDED_BYTES) return null;
  return `the disk that holds ${directory} is full: ${left >> 20} MB are left, and the database needs ${NEEDED_BYTES >> 20}`;
}
