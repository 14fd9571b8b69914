import type { Micros } from "../../canonical/time.ts";
import { bytesOf, type Contents, removeCommitted } from "./contents.ts";
import { asAppendError, JournalFailed, JournalFull } from "./errors.ts";
import { encodeFrame, frameBytes, type JournalRecord } from "./frame.ts";
import { type Segment, segmentName } from "./segment.ts";

/** How large a journal may be. */
export interface JournalLimits {
  /** The most bytes of all files together. */
  readonly maxBytes: number;
  /** A new file is begun once one has this size; files are removed as a whole. */
  readonly segmentBytes: number;
}

/** A file of this share of its size is given up once all of its records are committed. */
const DRAINED_SHARE = 1 / 16;

/**
 * Returns a function that writes records as one frame, and resolves once it is on disk; one call at a time.
 * @throws JournalFull or JournalFailed where none of the records is kept
 */
export function makeFrameWriter(
  contents: Contents,
  { maxBytes, segmentBytes }: JournalLimits,
  now: () => Micros,
): (records: readonly JournalRecord[]) => Promise<void> {
  const { directory, segments, stored } = contents;
  /** The segment behind whose end a failed write may have left something. */
  let unclear: Segment | null = null;
  // After a failed sync the system may have dropped what it could not write, so that the file takes nothing more.
  let isSealed = false;

  async function repair(): Promise<void> {
    if (unclear === null) return;
    await unclear.file.truncate(unclear.size);
    unclear = null;
  }

  async function writable(): Promise<Segment> {
    const last = segments.at(-1);
    const { durable, committed } = contents.position;
    const most = durable === committed ? segmentBytes * DRAINED_SHARE : segmentBytes;
    if (last !== undefined && last.size < most && !isSealed) return last;
    const first = durable + 1;
    if (last?.first === first) {
      segments.pop();
      await last.file.close();
    }
    const name = segmentName(first);
    const file = await directory.create(name);
    try {
      await directory.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
    const segment = { name, first, file, size: 0 };
    segments.push(segment);
    isSealed = false;
    await removeCommitted(contents);
    return segment;
  }

  async function write(records: readonly JournalRecord[]): Promise<void> {
    await repair();
    if (bytesOf(contents) + frameBytes(records) > maxBytes) {
      throw new JournalFull("limit", `the journal has reached its limit of ${maxBytes} bytes`);
    }
    const segment = await writable();
    const time = now();
    const frame = encodeFrame(contents.position.durable + 1, time, records);
    unclear = segment;
    await segment.file.write(frame, segment.size);
    isSealed = true;
    await segment.file.sync();
    if (await segment.file.isRemoved())
      throw new JournalFailed(`${segment.name} was removed from the journal's directory`);
    isSealed = false;
    unclear = null;
    segment.size += frame.length;
    const { durable, committed } = contents.position;
    if (durable === committed) contents.oldest = time;
    contents.position = { durable: durable + records.length, committed };
    // It only helps to tell a damaged file from a torn one, so that the records are kept all the same without it.
    await stored.save().catch(() => {});
  }

  return async (records) => {
    try {
      await write(records);
    } catch (error) {
      // Space is given back at once; where that fails, the next write tries again.
      await repair().catch(() => {});
      throw asAppendError(error);
    }
  };
}
