import { createServer, type Server, type Socket } from "node:net";

/** A unix socket that listens from the first moment, and keeps who comes early until somebody serves them. */
export interface Listener {
  /** Hands on those who came early, and everybody after. To be called once. */
  readonly serve: (onSocket: (socket: Socket) => void) => void;
  /** Stops listening and removes the socket; settles once all connections are closed. */
  readonly close: () => Promise<void>;
}

/** Listens at the path. @throws Error where there is something, or the file system has no sockets */
export async function openListener(path: string): Promise<Listener> {
  let early: Socket[] = [];
  let serve = (socket: Socket): void => {
    // Whoever only wanted to know whether somebody listens is gone by now.
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
