import type { Duplex } from "node:stream";
import { countOutstandingReplies } from "./outstanding-replies.ts";

// Last byte of a ReadyForQuery outside a transaction. Source: PostgreSQL, "Frontend/Backend Protocol", Message Formats.
const IDLE = "I".charCodeAt(0);

/**
 * Follows a new connection, so that it can be drained.
 * @returns a function that closes it as soon as no transaction is open. A transaction that begins at that moment is
 *   lost before it has read anything, and is retried
 */
export function makeDrain(socket: Duplex): () => void {
  let isFree = false;
  let isDraining = false;
  countOutstandingReplies(socket, {
    onSent: () => {
      isFree = false;
    },
    onHeard: (owed, bytes) => {
      isFree = owed === 0 && bytes.at(-1) === IDLE;
      if (isDraining) endSoon();
    },
  });

  /**
   * Waits two turns: a caller may issue its next query in the turn of a reply, and the driver writes it in the next.
   */
  function endSoon(): void {
    setImmediate(() =>
      setImmediate(() => {
        if (isFree) socket.destroy();
      }),
    );
  }

  return () => {
    isDraining = true;
    endSoon();
  };
}
