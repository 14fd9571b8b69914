import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { formatTime } from "../../canonical/time.ts";
import type { ArchivableEvent } from "../../storage/events/archivable.ts";

/** The objects of the archive: NDJSON, one line for each event, compressed by gzip. */

const OS_BYTE = 9;
const OS_UNKNOWN = 255;

/** Returns the object of events. The same events give the same bytes. */
export async function encodeObject(events: readonly ArchivableEvent[]): Promise<Uint8Array> {
  const sorted = [...events].sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  const bytes = await promisify(gzip)(Buffer.from(sorted.map(lineOf).join("")));
  // The header holds no time; the system that wrote it is of no interest either.
  bytes[OS_BYTE] = OS_UNKNOWN;
  return bytes;
}

function lineOf(event: ArchivableEvent): string {
  const line = {
    sequence: String(event.sequence),
    sender: event.sender,
    id: event.id,
    type: event.type,
    pair: event.pair,
    received_at: formatTime(event.receivedAt),
    recorded_at: formatTime(event.recordedAt),
    traceparent: event.traceparent,
    // The text of its data, within a string: numbers and blanks are kept as they were given.
    body: event.body,
    deliveries: event.deliveries.map(({ destination, state, attempts, endedAt }) => ({
      ...{ destination, state, attempts, ended_at: formatTime(endedAt) },
    })),
  };
  return `${JSON.stringify(line)}\n`;
}

/** Returns the texts of the data in an object, by sequence. @throws Error where it is no such object */
export async function decodeBodies(bytes: Uint8Array): Promise<ReadonlyMap<bigint, string>> {
  const lines = (await promisify(gunzip)(bytes)).toString().split("\n").slice(0, -1);
  const events = lines.map((line) => JSON.parse(line) as { readonly sequence: string; readonly body: string });
  return new Map(events.map(({ sequence, body }) => [BigInt(sequence), body]));
}
