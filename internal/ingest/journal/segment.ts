import { JournalCorrupt } from "./errors.ts";
import type { JournalFile } from "./files.ts";
import { type Frame, frameAt, hasLaterFrame } from "./frame.ts";

/** A file of frames with consecutive sequence numbers. */
export interface Segment {
  readonly name: string;
  /** The sequence number of its first record, also where it has none yet. */
  readonly first: number;
  readonly file: JournalFile;
  /** The length of the frames that are durable; what follows them is not part of the journal. */
  size: number;
}

const NAME = /^(\d{16})\.segment$/;

export function segmentName(first: number): string {
  return `${String(first).padStart(16, "0")}.segment`;
}

/** Returns the first sequence numbers of the segments among the files of a directory, in order. */
export function segmentsAmong(names: readonly string[]): number[] {
  const firsts = names.flatMap((name) => NAME.exec(name)?.[1] ?? []);
  return firsts.map(Number).sort((a, b) => a - b);
}

/** The whole frames of a segment. */
export interface Scan {
  readonly frames: readonly (Frame & { readonly offset: number })[];
  /** Where the last frame ends. */
  readonly size: number;
  /** The sequence number after its last record. */
  readonly next: number;
}

/**
 * Finds the frames of a segment, and leaves out what a crash left behind them: bytes of an append that nobody was told
 * about.
 * @param next the first sequence number of the following segment; null for the last one
 * @param durable the last record that is known to have been synced
 * @throws JournalCorrupt where records are missing that were synced
 */
export function scanSegment(
  { name, first }: Pick<Segment, "name" | "first">,
  bytes: Buffer,
  next: number | null,
  durable: number,
): Scan {
  const frames: (Frame & { offset: number })[] = [];
  let offset = 0;
  let sequence = first;
  // An append that failed may have left a frame whose numbers were given to the following segment.
  while (offset < bytes.length && sequence !== next) {
    const frame = frameAt(bytes, offset);
    if (frame === null || frame.first !== sequence || frame.count === 0) break;
    frames.push({ ...frame, offset });
    offset += frame.length;
    sequence += frame.count;
  }
  const isComplete = next === null ? sequence > durable : sequence === next;
  // A frame is written once those before it are synced, so that a torn one is the last.
  if (!isComplete || (next === null && hasLaterFrame(bytes, offset, sequence))) {
    throw new JournalCorrupt(
      `${name} is damaged at byte ${offset} of ${bytes.length}: record ${sequence} and later ones were acknowledged, but ` +
        "cannot be read",
    );
  }
  return { frames, size: offset, next: sequence };
}
