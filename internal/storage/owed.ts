import type { Duplex } from "node:stream";
import { followMessages, watchWrites } from "./messages.ts";

// Each of these, like the greeting, is answered by a ReadyForQuery in the end.
const ASKS = new Set(["Q", "S"]);
const READY_FOR_QUERY = "Z";

/** Follows what the server at the other end of a new connection owes an answer to. */
export function followOwed(
  socket: Duplex,
  { onSent, onHeard }: { onSent: () => void; onHeard: (owed: number, bytes: Buffer) => void },
): void {
  let isGreeted = false;
  let owed = 0;
  const sent = followMessages((type) => {
    if (ASKS.has(type)) owed++;
  });
  const heard = followMessages((type) => {
    if (type === READY_FOR_QUERY) owed--;
  });
  watchWrites(socket, (bytes) => {
    if (isGreeted) sent(bytes);
    else owed++;
    isGreeted = true;
    onSent();
    return true;
  });
  socket.on("data", (bytes: Buffer) => {
    heard(bytes);
    onHeard(owed, bytes);
  });
}
