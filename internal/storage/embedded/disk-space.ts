import { statfsSync } from "node:fs";

// The WAL grows by segments of 16 MB; the engine stops if there is no space for the next one.
const NEEDED_BYTES = 48 << 20;

// Inodes for a checkpoint, the WAL and a growing table.
const NEEDED_FILES = 32;

/** Returns a description if the disk of the directory is nearly full; null if there is enough space. */
export function diskSpaceProblem(directory: string): string | null {
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  // File systems with dynamic inodes report 0 for both.
  if (files > 0 && ffree < NEEDED_FILES) {
    return `the disk of ${directory} has only ${ffree} free inodes (df -i), the database needs ${NEEDED_FILES}`;
  }
  const left = bavail * bsize;
  if (left >= NEEDED_BYTES) return null;
  return `the disk of ${directory} is nearly full: ${left >> 20} MB are left, the database needs ${NEEDED_BYTES >> 20} MB`;
}
