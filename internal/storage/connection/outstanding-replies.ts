import type { Duplex } from "node:stream";
import { followMessages, watchWrites } from "./wire-messages.ts";

// Query and Sync: like the startup message, each is answered by one final ReadyForQuery.
const REQUESTS = new Set(["Q", "S"]);
const READY_FOR_QUERY = "Z";

/** Counts the requests of a new connection that the server has not answered yet; `onHeard` gets the count as `owed`. */
export function countOutstandingReplies(
  socket: Duplex,
  { onSent, onHeard }: { onSent: () => void; onHeard: (owed: number, bytes: Buffer) => void },
): void {
  let isStarted = false;
  let owed = 0;
  const sent = followMessages((type) => {
    if (REQUESTS.has(type)) owed++;
  });
  const heard = followMessages((type) => {
    if (type === READY_FOR_QUERY) owed--;
  });
  watchWrites(socket, (bytes) => {
    if (isStarted) sent(bytes);
    else owed++;
    isStarted = true;
    onSent();
    return true;
  });
  socket.on("data", (bytes: Buffer) => {
    heard(bytes);
    onHeard(owed, bytes);
  });
}
