import type { Duplex } from "node:stream";
import { watchWrites } from "./messages.ts";

/**
 * Has the driver, to which a new connection is given, keep nothing of one that was lost. It is asked while a connection
 * closes, and then keeps
 *
 * - queries that it tells nobody about where the connection closes with an error, and waits for on the next one: so it is
 *   never told of an error when a connection closes, only before.
 * - what it was about to write, with the mark that it is: on the next connection it then never writes its greeting, or
 *   something else before it. Such a connection is closed. The driver opens another, and after some of them, when this
 *   has grown past the size that is written at once, nothing is left.
 */
export function dropLeftovers(socket: Duplex): void {
  const emit: (event: string | symbol, ...values: unknown[]) => boolean = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...values: unknown[]) =>
    event === "close" ? emit(event) : emit(event, ...values);

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
