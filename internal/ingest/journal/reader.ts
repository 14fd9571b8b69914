import { type Contents, removeCommitted } from "./contents.ts";
import { JournalCorrupt } from "./errors.ts";
import { announcedLength, frameAt, HEADER_BYTES, type JournalRecord, recordsOf } from "./frame.ts";
import type { Segment } from "./segment.ts";

/** A place in the files of a journal. */
export interface Place {
  readonly segment: Segment;
  readonly offset: number;
}

/** Records that are to be read, in order. */
export interface JournalBatch {
  readonly records: readonly JournalRecord[];
  /** The sequence number of the last one. */
  readonly last: number;
  /** Where it ends. */
  readonly end: Place;
}

/** The one reader of a journal. */
export interface JournalReader {
  /**
   * Returns the oldest records that are not committed: those of one frame at least, and of further ones up to that many
   * bytes; null where there are none.
   * @throws JournalCorrupt where they are damaged
   */
  readonly read: (maxBytes: number) => Promise<JournalBatch | null>;
  /** Says that the records of a batch are no longer needed, and removes the files that have no others. */
  readonly commit: (batch: JournalBatch) => Promise<void>;
}

/** @param start the end of what is committed; null for the start of the first file */
export function makeReader(contents: Contents, start: Place | null): JournalReader {
  const { segments, stored } = contents;
  let committedTo = start;

  /** Returns where a frame begins that ends after a place. */
  function beginning(place: Place | null): Place {
    if (place !== null && place.offset < place.segment.size) return place;
    // The file of the place may have been removed.
    const following = place === null ? 0 : segments.indexOf(place.segment) + 1;
    const segment = segments[following];
    if (segment === undefined) throw new JournalCorrupt("a file of the journal is missing");
    return { segment, offset: 0 };
  }

  async function frameFrom({ segment: { file, name }, offset }: Place): Promise<Buffer> {
    const length = announcedLength(await file.read(offset, HEADER_BYTES));
    const bytes = length === null ? Buffer.alloc(0) : await file.read(offset, length);
    if (frameAt(bytes, 0) !== null) return bytes;
    throw new JournalCorrupt(`${name} is damaged at byte ${offset}: its records were acknowledged, but cannot be read`);
  }

  return {
    read: async (maxBytes) => {
      const { durable, committed } = contents.position;
      const records: JournalRecord[] = [];
      let end = committedTo;
      for (let bytes = 0; committed + records.length < durable && (bytes === 0 || bytes < maxBytes); ) {
        const place = beginning(end);
        const frame = await frameFrom(place);
        records.push(...recordsOf(frame));
        bytes += frame.length;
        end = { segment: place.segment, offset: place.offset + frame.length };
      }
      return records.length === 0 || end === null ? null : { records, last: committed + records.length, end };
    },

    commit: async ({ last, end }) => {
      contents.position = { ...contents.position, committed: last };
      committedTo = end;
      await stored.save();
      await removeCommitted(contents);
      const isEmpty = contents.position.durable === last;
      contents.oldest = isEmpty ? null : (frameAt(await frameFrom(beginning(end)), 0)?.time ?? null);
    },
  };
}
