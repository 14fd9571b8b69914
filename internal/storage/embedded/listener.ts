import { createServer, type Server, type Socket } from "node:net";

/** A Unix socket that accepts connections at once and queues them until `serve` is called. */
export interface Listener {
  /** Passes on queued and later connections. Must be called once. */
  readonly serve: (onSocket: (socket: Socket) => void) => void;
  /** Stops listening and removes the socket; settles once all connections are closed. */
  readonly close: () => Promise<void>;
}

/** Listens at the path. @throws Error if the path exists, or the file system has no sockets */
export async function openListener(path: string): Promise<Listener> {
  let early: Socket[] = [];
  let serve = (socket: Socket): void => {
    // A probe for a living holder has already disconnected.
    socket.on("error", () => {});
    early.push(socket);
  };
  const server: Server = createServer({ pauseOnConnect: true }, (socket) => serve(socket));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    serve: (onSocket) => {
      serve = (socket) => {
        onSocket(socket);
        socket.resume();
      };
      for (const socket of early) serve(socket);
      early = [];
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of early) socket.destroy();
      await closed;
    },
  };
}
