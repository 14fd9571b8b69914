import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The most pipelined requests that wait on one connection for earlier answers. */
const MAX_WAITING_PER_CONNECTION = 100;
/** The most that wait on all connections together. */
const MAX_WAITING = 10_000;

/** The state of one connection. */
interface Connection {
  isAnswering: boolean;
  readonly waiting: (readonly [IncomingMessage, ServerResponse])[];
}

/**
 * Returns a listener that answers the requests of a connection one after another: the next begins once the previous
 * answer has been flushed to the socket, and meanwhile nothing more is read. Node.js itself begins every request on
 * arrival, and buffers all answers for a peer that does not read. A connection that exceeds the limit of waiting
 * requests is closed.
 */
export function serializePipelined(answer: RequestListener): RequestListener {
  const connections = new WeakMap<Socket, Connection>();
  let waitingInAll = 0;

  function connectionOf(socket: Socket): Connection {
    let connection = connections.get(socket);
    if (connection === undefined) {
      const waiting: Connection["waiting"] = [];
      connection = { isAnswering: false, waiting };
      connections.set(socket, connection);
      socket.once("close", () => {
        waitingInAll -= waiting.length;
        waiting.length = 0;
      });
    }
    return connection;
  }

  function begin(connection: Connection, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { socket } = incoming;
    connection.isAnswering = true;
    outgoing.once("close", () => {
      connection.isAnswering = false;
      const next = socket.destroyed ? undefined : connection.waiting.shift();
      if (next === undefined) return;
      waitingInAll--;
      readOnlyIfNoneWaits(socket, connection);
      begin(connection, ...next);
    });
    answer(incoming, outgoing);
  }

  return (incoming, outgoing) => {
    const { socket } = incoming;
    // Requests that were received before the socket was closed still arrive.
    if (socket.destroyed) return;
    const connection = connectionOf(socket);
    if (!connection.isAnswering) return begin(connection, incoming, outgoing);
    if (connection.waiting.length >= MAX_WAITING_PER_CONNECTION || waitingInAll >= MAX_WAITING) {
      close(socket);
      return;
    }
    // Node.js resumes reading after each request that it has parsed, and after each answer.
    if (connection.waiting.length === 0) process.nextTick(readOnlyIfNoneWaits, socket, connection);
    connection.waiting.push([incoming, outgoing]);
    waitingInAll++;
  };
}

function readOnlyIfNoneWaits(socket: Socket, { waiting }: Connection): void {
  if (waiting.length > 0) socket.pause();
  else socket.resume();
}

/** An internal property: Node.js has no public way to discard the rest of a chunk that it has read. */
interface WithParser {
  readonly parser?: { onIncoming?: () => number };
}

/** Tells a parser that what follows is not HTTP. */
const IS_UPGRADE = 2;

function close(socket: Socket & WithParser): void {
  // Otherwise thousands of requests in the chunk would each become an object that lives until the socket closes.
  if (socket.parser?.onIncoming !== undefined) socket.parser.onIncoming = () => IS_UPGRADE;
  socket.destroy();
}
