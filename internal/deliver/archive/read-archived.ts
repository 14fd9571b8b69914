import { setBounded } from "../../lib/bounded-map.ts";
import type { StoredEvent } from "../../storage/events/read-events.ts";
import { type Archive, getChecked } from "./archive.ts";
import { decodeBodies } from "./object.ts";

/** Objects that are kept in memory: events that are read together lie beside each other, at times in two. */
const MOST_OBJECTS = 2;
const TIMEOUT_MS = 60_000;

/** Returns the data of an event, as the exact text that was given. @throws Error that names the cure */
export type ReadArchived = (event: Pick<StoredEvent, "sequence" | "archivedAs">) => Promise<string>;

/**
 * Returns what reads the data of events from the archive.
 * @param archive null where none is configured, though one may have been
 */
export function makeReadArchived(archive: Archive | null): ReadArchived {
  const objects = new Map<string, Promise<ReadonlyMap<bigint, string>>>();

  function bodiesOf(name: string): Promise<ReadonlyMap<bigint, string>> {
    const known = objects.get(name);
    if (known !== undefined) return known;
    if (archive === null) {
      throw new Error(`the data are in the archive, as ${name}: set deliver.archive to where that is`);
    }
    const reading = getChecked(archive, name, AbortSignal.timeout(TIMEOUT_MS)).then(decodeBodies);
    setBounded(objects, name, reading, MOST_OBJECTS);
    reading.catch(() => {
      if (objects.get(name) === reading) objects.delete(name);
    });
    return reading;
  }

  return async ({ sequence, archivedAs }) => {
    if (archivedAs === null) throw new Error(`event ${sequence} has no data in the archive`);
    const body = (await bodiesOf(archivedAs)).get(sequence);
    if (body === undefined) throw new Error(`the object ${archivedAs} of the archive has no event ${sequence}`);
    return body;
  };
}
