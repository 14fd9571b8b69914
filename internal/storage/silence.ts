import type { Duplex } from "node:stream";
import { connectionError } from "./errors.ts";
import { followOwed } from "./owed.ts";

/**
 * Destroys a connection whose server owes an answer and has said nothing for so many seconds: `statement_timeout` is worth
 * nothing where the server is frozen or the route to it is gone, and TCP alone waits for a quarter of an hour.
 */
export function endWhenSilent(socket: Duplex, seconds: number): void {
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
    // A process that was frozen itself hears first what has come meanwhile.
    setImmediate(() => {
      if (isWaiting && timer === null) {
        socket.destroy(connectionError("ETIMEDOUT", `the database has said nothing for ${seconds} s`));
      }
    });
  };
  followOwed(socket, {
    onSent: wait,
    onHeard: (owed) => {
      if (owed > 0) wait();
      else rest();
    },
  });
  socket.once("close", rest);
}
