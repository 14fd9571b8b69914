import type { Duplex } from "node:stream";
import { watchWrites } from "./wire-messages.ts";

/**
 * Keeps the driver from carrying state of a lost connection over to the next one. Two of its faults are worked around:
 *
 * - If `close` is emitted with an error, queries issued meanwhile are neither rejected nor sent; they wait for replies
 *   on the next connection. So `close` is passed on without its error; `error` has been emitted before.
 * - Bytes buffered for the lost connection are sent on the next one in place of the startup message, or before it. Such
 *   a connection is destroyed. The driver reconnects until the buffer has grown past its flush size and is empty.
 */
export function isolateConnection(socket: Duplex): void {
  const emit: (event: string | symbol, ...values: unknown[]) => boolean = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...values: unknown[]) =>
    event === "close" ? emit(event) : emit(event, ...values);

  let isStarted = false;
  watchWrites(socket, (bytes) => {
    // A startup message is written alone, and begins with its length.
    const mayPass = isStarted || bytes.readUInt32BE(0) === bytes.length;
    if (!mayPass) socket.destroy();
    isStarted = true;
    return mayPass;
  });
  setImmediate(() =>
    setImmediate(() => {
      if (!isStarted) socket.destroy();
    }),
  );
}
