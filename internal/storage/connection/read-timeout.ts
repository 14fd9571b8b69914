import type { Duplex } from "node:stream";
import { connectionError } from "./errors.ts";
import { countOutstandingReplies } from "./outstanding-replies.ts";

/**
 * Destroys a connection with outstanding replies on which nothing has arrived for `seconds`. `statement_timeout` does
 * not help if the server is frozen or the route to it is broken, and TCP alone waits for a quarter of an hour.
 */
export function closeOnReadTimeout(socket: Duplex, seconds: number): void {
  let timer: NodeJS.Timeout | null = null;
  let isWaiting = false;
  const wait = (): void => {
    isWaiting = true;
    if (timer === null) timer = setTimeout(expire, seconds * 1000);
    else timer.refresh();
  };
  const rest = (): void => {
    isWaiting = false;
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const expire = (): void => {
    timer = null;
    // If this process was suspended, it must first read what has arrived meanwhile.
    setImmediate(() => {
      if (isWaiting && timer === null) {
        socket.destroy(connectionError("ETIMEDOUT", `no data from the database for ${seconds} s`));
      }
    });
  };
  countOutstandingReplies(socket, {
    onSent: wait,
    onHeard: (owed) => {
      if (owed > 0) wait();
      else rest();
    },
  });
  socket.once("close", rest);
}
