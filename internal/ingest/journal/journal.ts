import type { Micros } from "../../canonical/time.ts";
import { asError } from "../../lib/as-error.ts";
import { bytesOf, type Contents } from "./contents.ts";
import { JournalFailed } from "./errors.ts";
import type { JournalDirectory } from "./files.ts";
import { frameBytes, type JournalRecord } from "./frame.ts";
import { openPosition, type Position } from "./position.ts";
import { type JournalReader, makeReader, type Place } from "./reader.ts";
import { type Recovered, recover } from "./recover.ts";
import { type JournalLimits, makeFrameWriter } from "./writer.ts";

/** What is in a journal. */
export interface JournalState {
  /** Records that are not committed. */
  readonly depth: number;
  /** Of all files. */
  readonly bytes: number;
  /** When the oldest record that is not committed was written; null where there is none. */
  readonly oldest: Micros | null;
  /** Why the last append failed; null where it did not. */
  readonly trouble: Error | null;
}

/** An append-only log on local disk, with one owner and one reader. */
export interface Journal extends JournalReader {
  /**
   * Resolves once all of the records are on disk; appends that wait share one sync. Records of one call are kept together.
   * @throws JournalFull or JournalFailed where none of them is kept
   */
  readonly append: (records: readonly JournalRecord[]) => Promise<void>;
  readonly state: () => JournalState;
  /** Waits for the appends that have begun, and closes the files. */
  readonly close: () => Promise<void>;
}

interface Waiting {
  readonly records: readonly JournalRecord[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The most bytes that are written and synced together, unless one append has more. A frame is read as a whole, and while
 * its records are decoded nobody is answered.
 */
const MAX_FRAME_BYTES = 1024 * 1024;

/**
 * Opens the journal of a directory, which nobody else may have open.
 * @throws JournalCorrupt where acknowledged records cannot be read; no file is changed then
 */
export async function openJournal(
  directory: JournalDirectory,
  limits: JournalLimits,
  now: () => Micros,
): Promise<Journal> {
  const { contents, start } = await openContents(directory);
  const reader = makeReader(contents, start);
  const write = makeFrameWriter(contents, limits, now);
  let waiting: Waiting[] = [];
  let running: Promise<void> | null = null;
  let trouble: Error | null = null;
  let isClosed = false;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const together = waiting.slice(0, lengthOfFrame(waiting));
      waiting = waiting.slice(together.length);
      try {
        await write(together.flatMap(({ records }) => records));
        trouble = null;
        for (const { resolve } of together) resolve();
      } catch (error) {
        trouble = asError(error);
        for (const { reject } of together) reject(trouble);
      }
    }
    running = null;
  }

  return {
    ...reader,
    append: (records) => {
      if (isClosed) return Promise.reject(new JournalFailed("the journal is closed"));
      if (records.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        waiting.push({ records, resolve, reject });
        running ??= Promise.resolve().then(writeAll);
      });
    },
    state: () => {
      const { durable, committed } = contents.position;
      return { depth: durable - committed, bytes: bytesOf(contents), oldest: contents.oldest, trouble };
    },
    close: async () => {
      isClosed = true;
      await running;
      await contents.stored.close();
      for (const { file } of contents.segments) await file.close();
    },
  };
}

/** Returns how many of the waiting appends, one at least, fit into one frame. */
function lengthOfFrame(waiting: readonly Waiting[]): number {
  let bytes = 0;
  const tooMany = waiting.findIndex(({ records }, index) => {
    bytes += frameBytes(records);
    return index > 0 && bytes > MAX_FRAME_BYTES;
  });
  return tooMany === -1 ? waiting.length : tooMany;
}

async function openContents(directory: JournalDirectory): Promise<{ contents: Contents; start: Place | null }> {
  let contents: Contents | null = null;
  const stored = await openPosition(directory, (): Position => contents?.position ?? { durable: 0, committed: 0 });
  let recovered: Recovered;
  try {
    recovered = await recover(directory, stored.found);
  } catch (error) {
    await stored.close();
    throw error;
  }
  const { segments, position, waiting } = recovered;
  contents = { directory, stored, segments, position, oldest: waiting?.time ?? null };
  await stored.save();
  await stored.sync();
  const [segment] = segments;
  return { contents, start: waiting === null || segment === undefined ? null : { segment, offset: waiting.offset } };
}
