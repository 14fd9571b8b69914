import type { Micros } from "../../canonical/time.ts";
import type { JournalDirectory } from "./files.ts";
import type { Position, StoredPosition } from "./position.ts";
import type { Segment } from "./segment.ts";

/** The files of an open journal, which its writer and its reader share. */
export interface Contents {
  readonly directory: JournalDirectory;
  readonly stored: StoredPosition;
  /** In order; the last one takes further records. */
  readonly segments: Segment[];
  position: Position;
  /** When the oldest record that is not committed was written; null where there is none. */
  oldest: Micros | null;
}

/** Returns the bytes of all records that are on disk, committed ones in files that are not removed yet included. */
export function bytesOf({ segments }: Contents): number {
  return segments.reduce((sum, { size }) => sum + size, 0);
}

/** Removes the segments whose records are all committed, but for the last one. */
export async function removeCommitted({ directory, segments, stored, position }: Contents): Promise<void> {
  const isDone = (index: number): boolean =>
    (segments[index + 1]?.first ?? Number.POSITIVE_INFINITY) <= position.committed + 1;
  const done = segments.filter((_, index) => isDone(index));
  // A position before the first file would look like a missing file.
  if (done.length > 0) await stored.sync();
  segments.splice(0, done.length);
  for (const { file, name } of done) {
    await file.close();
    await directory.remove(name);
  }
}
