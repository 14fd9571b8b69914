import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A wire between a client and a server on this machine that can be damaged. */
export interface Wire {
  readonly port: number;
  /** Holds every byte, in both directions, for so many milliseconds. */
  delay(milliseconds: number): void;
  /** Takes every byte, and new connections, and gives nothing on: what a firewall does that has lost its memory. */
  swallow(): void;
  /** Gives all on, as at first. What was swallowed stays lost. */
  pass(): void;
  /** Swallows for ever on the connections there are, as where the peer's machine has lost its power; new ones work. */
  forget(): number;
  /** Resets every connection; returns how many there were. */
  cut(): number;
  /** As a peer that has said its last word but still listens: ends one direction of every connection. */
  halfClose(towards: "client" | "server"): number;
  close(): Promise<void>;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  isForgotten: boolean;
}

/** Listens on a port of its own and connects each client to `port` of this machine. */
export async function makeWire(port: number): Promise<Wire> {
  const links = new Set<Link>();
  let delayMs = 0;
  let isSwallowing = false;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const link = { client, server, isForgotten: false };
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
      if (isSwallowing || link.isForgotten) return;
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
    swallow() {
      isSwallowing = true;
    },
    pass() {
      delayMs = 0;
      isSwallowing = false;
    },
    forget() {
      for (const link of links) link.isForgotten = true;
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
