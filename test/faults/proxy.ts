import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A wire between a client and a server on this machine that can be damaged. */
export interface Proxy {
  readonly port: number;
  /** Holds every byte, in both directions, for so many milliseconds. */
  delay(milliseconds: number): void;
  /** Takes every byte, and new connections, and gives nothing on: what a firewall does that has lost its memory. */
  swallow(): void;
  /** Gives all on, as at first. What was swallowed stays lost. */
  pass(): void;
  /** Resets every connection; returns how many there were. */
  cut(): number;
  /** As a peer that has said its last word but still listens: ends one direction of every connection. */
  halfClose(towards: "client" | "server"): number;
  close(): Promise<void>;
}

interface Wire {
  readonly client: Socket;
  readonly server: Socket;
}

/** Listens on a port of its own and connects each client to `port` of this machine. */
export async function makeProxy(port: number): Promise<Proxy> {
  const wires = new Set<Wire>();
  let delayMs = 0;
  let isSwallowing = false;

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const wire = { client, server };
    wires.add(wire);
    forward(client, server);
    forward(server, client);
    const drop = (): void => {
      wires.delete(wire);
      client.resetAndDestroy();
      server.resetAndDestroy();
    };
    for (const socket of [client, server]) {
      socket.on("error", drop);
      socket.on("close", () => {
        if (client.destroyed && server.destroyed) wires.delete(wire);
        else if (socket.errored !== null) drop();
      });
    }
  });

  function forward(from: Socket, to: Socket): void {
    const later = (action: () => void): void => {
      if (isSwallowing) return;
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
    const count = wires.size;
    for (const { client, server } of wires) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    wires.clear();
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
    cut,
    halfClose(towards) {
      for (const wire of wires) wire[towards].end();
      return wires.size;
    },
    async close() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}
