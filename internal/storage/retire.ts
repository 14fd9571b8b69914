import type { Duplex } from "node:stream";
import { followOwed } from "./owed.ts";

// The last byte of a ReadyForQuery outside of a transaction. Source: PostgreSQL, "Frontend/Backend Protocol", Message Formats.
const IDLE = "I".charCodeAt(0);

/** @returns what ends a new connection at once where nothing is under way on it, else as soon as its transaction is over */
export function retirable(socket: Duplex): () => void {
  let isFree = false;
  let isRetired = false;
  followOwed(socket, {
    onSent: () => {
      isFree = false;
    },
    onHeard: (owed, bytes) => {
      isFree = owed === 0 && bytes.at(-1) === IDLE;
      // Who has heard the answer may ask the next thing in the same turn.
      if (isRetired) setImmediate(endIfFree);
    },
  });

  function endIfFree(): void {
    if (isFree) socket.destroy();
  }

  return () => {
    isRetired = true;
    endIfFree();
  };
}
