import type { Duplex } from "node:stream";

const HEADER_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/**
 * Follows one direction of a connection to PostgreSQL behind its first message: what it returns takes the bytes, however they
 * are cut, and tells `onMessage` the type of each message that has begun.
 * Source: PostgreSQL, "Frontend/Backend Protocol", Overview: one byte of type, then the length without that byte.
 */
export function followMessages(onMessage: (type: string) => void): (bytes: Buffer) => void {
  let header: Buffer = NOTHING;
  let skip = 0;
  return (bytes) => {
    const all = header.length === 0 ? bytes : Buffer.concat([header, bytes]);
    let at = skip;
    while (at + HEADER_BYTES <= all.length) {
      onMessage(String.fromCharCode(all[at] ?? 0));
      at += 1 + all.readUInt32BE(at + 1);
    }
    skip = Math.max(0, at - all.length);
    header = all.subarray(Math.min(at, all.length));
  };
}

/** Shows `mayPass` all that is written to a connection, before; what it refuses is not written. */
export function watchWrites(socket: Duplex, mayPass: (bytes: Buffer) => boolean): void {
  const write: (bytes: Buffer, done?: () => void) => boolean = socket.write.bind(socket);
  socket.write = (bytes: Buffer, done?: unknown): boolean => mayPass(bytes) && write(bytes, done as () => void);
}
