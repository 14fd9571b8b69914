import type { Duplex } from "node:stream";
import { connectionError } from "./errors.ts";
import { followMessages, watchWrites } from "./messages.ts";

// Each of these, like the greeting, is answered by a ReadyForQuery in the end.
const ASKS = new Set(["Q", "S"]);
const READY_FOR_QUERY = "Z";

/**
 * Destroys a connection whose server owes an answer and has said nothing for so many seconds: `statement_timeout` is worth
 * nothing where the server is frozen or the route to it is gone, and TCP alone waits for a quarter of an hour.
 */
export function endWhenSilent(socket: Duplex, seconds: number): void {
  let timer: NodeJS.Timeout | null = null;
  let isWaiting = false;
  let isGreeted = false;
  let owed = 0;
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
  const onSent = followMessages((type) => {
    if (ASKS.has(type)) owed++;
  });
  const onHeard = followMessages((type) => {
    if (type === READY_FOR_QUERY) owed--;
  });

  watchWrites(socket, (bytes) => {
    if (isGreeted) onSent(bytes);
    else owed++;
    isGreeted = true;
    wait();
    return true;
  });
  socket.on("data", (bytes: Buffer) => {
    onHeard(bytes);
    if (owed > 0) wait();
    else rest();
  });
  socket.once("close", rest);
}
