import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy between a client and a local server that can inject network faults. */
export interface FaultProxy {
  readonly port: number;
  /** Delays every byte, in both directions, by this many milliseconds. */
  delay(milliseconds: number): void;
  /** Accepts all data and new connections without forwarding anything, like a firewall that has lost its state. */
  blackhole(): void;
  /** Forwards everything again. Dropped data stays lost. */
  restore(): void;
  /** Drops all data on existing connections, as after a power loss of the peer's machine; new connections work. */
  blackholeConnections(): number;
  /** Resets every connection; returns their number. */
  cut(): number;
  /** Half-closes every connection, like a peer that sends no more but still reads. */
  halfClose(towards: "client" | "server"): number;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isBlackholed: boolean;
}

/** Listens on a free port and connects each client to `port` of this machine. */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  const links = new Set<Link>();
  let delayMs = 0;
  let isBlackhole = false;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const link = { client, server, isBlackholed: false };
    links.add(link);
    forward(link, client, server);
    forward(link, server, client);
    const drop = (): void => {
      links.delete(link);
      client.resetAndDestroy();
      server.resetAndDestroy();
    };
    for (const socket of [client, server]) {
      socket.on("error", drop);
      socket.on("close", () => {
        if (client.destroyed && server.destroyed) links.delete(link);
        else if (socket.errored !== null) drop();
      });
    }
  });

  function forward(link: Link, from: Socket, to: Socket): void {
    const later = (action: () => void): void => {
      if (isBlackhole || link.isBlackholed) return;
      if (delayMs === 0) action();
      else setTimeout(action, delayMs);
    };
    from.on("data", (bytes) => {
      later(() => {
        if (!to.writable) return;
        if (to.write(bytes)) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
    });
    from.on("end", () => later(() => to.end()));
  }

  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");

  function cut(): number {
    const count = links.size;
    for (const { client, server } of links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    links.clear();
    return count;
  }

  return {
    port: (listener.address() as AddressInfo).port,
    delay(milliseconds) {
      delayMs = milliseconds;
    },
    blackhole() {
      isBlackhole = true;
    },
    restore() {
      delayMs = 0;
      isBlackhole = false;
    },
    blackholeConnections() {
      for (const link of links) link.isBlackholed = true;
      return links.size;
    },
    cut,
    halfClose(towards) {
      for (const link of links) link[towards].end();
      return links.size;
    },
    async close() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}
