import type { Duplex } from "node:stream";
import { followOwed } from "./owed.ts";

// The last byte of a ReadyForQuery outside of a transaction. Source: PostgreSQL, "Frontend/Backend Protocol", Message Formats.
const IDLE = "I".charCodeAt(0);

/**
 * @returns a function that ends a new connection as soon as no transaction is under way on it. A transaction that begins in that
 *   instant is lost before it has read anything, and whoever began it tries again
 */
export function retirable(socket: Duplex): () => void {
  let isFree = false;
  let isRetired = false;
  followOwed(socket, {
    onSent: () => {
      isFree = false;
    },
    onHeard: (owed, bytes) => {
      isFree = owed === 0 && bytes.at(-1) === IDLE;
      if (isRetired) endSoon();
    },
  });

  /** Who has heard an answer may ask the next thing in the same turn, which the driver writes in the next. */
  function endSoon(): void {
    setImmediate(() =>
      setImmediate(() => {
        if (isFree) socket.destroy();
      }),
    );
  }

  return () => {
    isRetired = true;
    endSoon();
  };
}
