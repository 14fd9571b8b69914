import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests that may wait on one connection for the answers before theirs. */
const MOST_WAITING = 100;
/** The same, on all connections together. */
const MOST_WAITING_IN_ALL = 10_000;

/** What becomes of one connection's requests. */
interface Connection {
  isAnswering: boolean;
  readonly waiting: (readonly [IncomingMessage, ServerResponse])[];
}

/**
 * Answers the requests of a connection one after another: the next is begun once the answer before it has been taken by
 * the system, and meanwhile nothing more is read. Node.js itself begins whatever arrives, and keeps all of the answers
 * for a peer that does not read. A connection that sends more than may wait is closed.
 */
export function oneAtATime(answer: RequestListener): RequestListener {
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
    // What a closed connection had sent already still arrives.
    if (socket.destroyed) return;
    const connection = connectionOf(socket);
    if (!connection.isAnswering) return begin(connection, incoming, outgoing);
    if (connection.waiting.length >= MOST_WAITING || waitingInAll >= MOST_WAITING_IN_ALL) {
      close(socket);
      return;
    }
    // Node.js reads on after each request that it has made out, and after each answer.
    if (connection.waiting.length === 0) process.nextTick(readOnlyIfNoneWaits, socket, connection);
    connection.waiting.push([incoming, outgoing]);
    waitingInAll++;
  };
}

function readOnlyIfNoneWaits(socket: Socket, { waiting }: Connection): void {
  if (waiting.length > 0) socket.pause();
  else socket.resume();
}

/** Of Node.js' own, which has no public way to leave the rest of what was read at once. */
interface WithParser {
  readonly parser?: { onIncoming?: () => number };
}

/** How a parser is told that what follows is not HTTP. */
const IS_UPGRADE = 2;

function close(socket: Socket & WithParser): void {
  // Else each of thousands of requests in what was read becomes an object, and all of them stay until the sockets close.
  if (socket.parser?.onIncoming !== undefined) socket.parser.onIncoming = () => IS_UPGRADE;
  socket.destroy();
}
