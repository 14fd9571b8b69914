import type { Duplex } from "node:stream";

const HEADER_BYTES = 5;
const NOTHING = Buffer.alloc(0);

/**
 * Parses one direction of a PostgreSQL connection after its startup message. The returned function takes chunks of
 * bytes and calls `onMessage` with the type of each message as soon as its header is complete. Source: PostgreSQL,
 * "Frontend/Backend Protocol", Overview: one byte of type, then the length without that byte.
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

/** Passes each write on a connection to `mayPass` first; drops the write if it returns false. */
export function watchWrites(socket: Duplex, mayPass: (bytes: Buffer) => boolean): void {
  const write: (bytes: Buffer, done?: () => void) => boolean = socket.write.bind(socket);
  socket.write = (bytes: Buffer, done?: unknown): boolean => mayPass(bytes) && write(bytes, done as () => void);
}
