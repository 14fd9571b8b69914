import { retryConflicts } from "../../storage/connection/conflicts.ts";
import type { Database } from "../../storage/connection/database.ts";
import {
  type DueEvent,
  markArchived,
  type RecordedPlace,
  readArchivable,
  readDueEvents,
} from "../../storage/events/archivable.ts";
import { eventsArchived } from "../events.ts";
import { type Archive, getChecked, nameOf } from "./archive.ts";
import { encodeObject } from "./object.ts";

/** What the archiving works with. */
export interface ArchivingParts {
  readonly database: Pick<Database, "sql">;
  readonly tenant: string;
  readonly archive: Archive;
  /** Age after which events leave the database, in seconds. */
  readonly afterSeconds: number;
}

const MOST_EVENTS = 10_000;
const MOST_BYTES = 16_000_000;

/** Returns the events of the next object, and the last event that was looked at; null where none was. Pure. */
export function nextBatch(
  due: readonly DueEvent[],
  mostBytes: number,
): { readonly batch: readonly bigint[]; readonly last: DueEvent | null } {
  const batch: bigint[] = [];
  let bytes = 0;
  let last: DueEvent | null = null;
  for (const event of due) {
    if (event.hasEnded) {
      bytes += event.bytes;
      if (batch.length > 0 && bytes > mostBytes) break;
      batch.push(event.sequence);
    }
    last = event;
  }
  return { batch, last };
}

/**
 * Moves the data of all events that are old enough, and whose deliveries have ended, to the archive, object by object, until the
 * signal aborts. Nothing is locked while an object is written, since a transaction that stays open slows down every claim, and on
 * the embedded database stops everybody else; so two processes may write one object, and the second one then leaves the rest to
 * the first.
 * @throws Error of the database, or of the archive; what is not archived stays in the database
 */
export async function archiveDue(
  { database: { sql }, tenant, archive, afterSeconds }: ArchivingParts,
  signal: AbortSignal,
  { mostEvents = MOST_EVENTS, mostBytes = MOST_BYTES } = {},
): Promise<void> {
  let after: RecordedPlace | null = null;
  while (!signal.aborted) {
    const due = await readDueEvents(sql, tenant, afterSeconds, after, mostEvents);
    const { batch, last } = nextBatch(due, mostBytes);
    if (last === null) return;
    if (batch.length > 0) {
      const count = await archiveBatch(batch);
      if (count < batch.length) return;
    }
    after = last;
  }

  /** @returns how many events were archived by this process */
  async function archiveBatch(batch: readonly bigint[]): Promise<number> {
    const events = await readArchivable(sql, tenant, batch);
    if (events.length === 0) return 0;
    const bytes = await encodeObject(events);
    const name = nameOf(bytes);
    await archive.put(name, bytes, signal);
    // What is about to be removed is read again first: some disks and servers promise what they do not keep.
    await getChecked(archive, name, signal);
    const sequences = events.map(({ sequence }) => sequence);
    const count = await retryConflicts(() => markArchived(sql, tenant, sequences, name));
    if (count > 0) eventsArchived.publish({ object: name, events: count, bytes: bytes.length });
    return count;
  }
}
