import type { Duplex } from "node:stream";
import { watchWrites } from "./messages.ts";

/**
 * Closes a new connection on which the driver does not begin with its greeting, and at once.
 *
 * The driver writes at the end of a turn of the event loop. What it has not written when a connection is lost it keeps, with
 * the mark that it is about to write: on the next connection it then waits for that for ever, and when much has piled up,
 * writes it before the greeting. Where a new connection closes without an error the driver opens another, and after a
 * few of them nothing is left; no query is lost over it.
 */
export function requireGreeting(socket: Duplex): void {
  let isGreeted = false;
  watchWrites(socket, (bytes) => {
    // A greeting is one message, which begins with its length.
    const mayPass = isGreeted || bytes.readUInt32BE(0) === bytes.length;
    if (!mayPass) socket.destroy();
    isGreeted = true;
    return mayPass;
  });
  setImmediate(() =>
    setImmediate(() => {
      if (!isGreeted) socket.destroy();
    }),
  );
}
