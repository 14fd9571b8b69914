import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { asError } from "../canonical/as-error.ts";
import { connectionError } from "./errors.ts";
import { dropLeftovers } from "./leftovers.ts";
import { endWhenSilent } from "./silence.ts";
import { encrypt, type TlsSettings } from "./tls.ts";

export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface SocketSettings {
  /** Servers of one database, in the order in which they are tried. */
  readonly addresses: readonly Address[];
  readonly tls: TlsSettings | null;
  /** For each address. */
  readonly connectTimeoutSeconds: number;
  /** How long the server may owe an answer without a word; null for ever. */
  readonly silenceSeconds: number | null;
}

/** The connections of a pool. */
export interface Sockets {
  /** Connects to the first address that answers. Never rejects: the driver would lose a place in its pool over it. */
  readonly open: () => Promise<Duplex>;
  /** Settles once those that are open are closed. */
  readonly closed: () => Promise<unknown>;
  /** Ends what is open, and what is being opened. */
  readonly destroy: () => void;
}

/**
 * Opens the connections that the driver writes to. Its own would wait for a server that says nothing, and where there are
 * several addresses and none answers, try them without end.
 */
export function openSockets({ addresses, tls, connectTimeoutSeconds, silenceSeconds }: SocketSettings): Sockets {
  const sockets = new Set<Socket>();
  let first = 0;
  let isOver = false;

  async function open(): Promise<Duplex> {
    const socket = await openFirst().catch((error) => failing(asError(error)));
    if (silenceSeconds !== null) endWhenSilent(socket, silenceSeconds);
    dropLeftovers(socket);
    return socket;
  }

  async function openFirst(): Promise<Socket> {
    const begin = first;
    let reason: unknown = connectionError("CONNECTION_ENDED", "the database was closed");
    for (let step = 0; step < addresses.length && !isOver; step++) {
      const index = (begin + step) % addresses.length;
      try {
        const socket = await openOne(addresses[index] as Address);
        first = index;
        // Lost, or not in the role that the URL asks for.
        socket.once("close", () => {
          if (first === index) first = (index + 1) % addresses.length;
        });
        return socket;
      } catch (error) {
        reason = error;
      }
    }
    throw reason;
  }

  async function openOne(address: Address): Promise<Socket> {
    const socket = connect(address);
    sockets.add(socket);
    const timer = setTimeout(() => {
      const reason = `no connection to ${nameOf(address)} within ${connectTimeoutSeconds} s`;
      socket.destroy(connectionError("CONNECT_TIMEOUT", reason));
    }, connectTimeoutSeconds * 1000);
    const lost = new Promise<never>((_, reject) => {
      socket.once("error", reject);
      socket.once("close", () => {
        sockets.delete(socket);
        reject(connectionError("CONNECTION_CLOSED", `${nameOf(address)} closed the connection`));
      });
    });
    try {
      return await Promise.race([lost, ready(socket, address)]);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async function ready(socket: Socket, address: Address): Promise<Socket> {
    await once(socket, "connect");
    return tls === null ? socket : encrypt(socket, "host" in address ? address.host : null, tls);
  }

  return {
    open,
    closed: () => Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)))),
    destroy: () => {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A connection that is lost as soon as something is written. */
function failing(reason: Error): Duplex {
  return new Duplex({ read() {}, write: (_bytes, _encoding, done) => done(reason) });
}

function nameOf(address: Address): string {
  return "path" in address ? address.path : `${address.host}:${address.port}`;
}
