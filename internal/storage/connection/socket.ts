import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { asError } from "../../lib/as-error.ts";
import { makeDrain } from "./drain.ts";
import { isolateConnection } from "./driver-workaround.ts";
import { connectionError, isUnavailable } from "./errors.ts";
import { closeOnReadTimeout } from "./read-timeout.ts";
import { closeOnRefusedLogin } from "./refused-login.ts";
import type { ServerState, WantedRoles } from "./roles.ts";
import { type ServerSelection, selectServer } from "./server-selection.ts";
import { encrypt } from "./tls.ts";
import type { TlsSettings } from "./tls-settings.ts";

export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface SocketSettings {
  /** Servers of one database, in the order in which they are tried. */
  readonly addresses: readonly Address[];
  /** Acceptable roles, best first; null for the first server that answers. */
  readonly wanted: WantedRoles | null;
  /** Reads the state of the server that `open` connects to; must have a timeout. */
  readonly readServerState: (open: () => Promise<Duplex>, address: Address) => Promise<ServerState>;
  readonly tls: TlsSettings | null;
  /** Timeout of each connection attempt, and again of its login. */
  readonly connectTimeoutSeconds: number;
  /** Longest time without data while a reply is outstanding; null for no limit. */
  readonly readTimeoutSeconds: number | null;
}

/** The sockets of a connection pool. */
export interface Sockets {
  /** Connects to one of the servers. Never rejects: the driver would lose a slot of its pool for good. */
  readonly open: () => Promise<Duplex>;
  /** Settles once the sockets that are open now are closed. */
  readonly closed: () => Promise<unknown>;
  /** Destroys all sockets, including those that are being opened. */
  readonly destroy: () => void;
}

/**
 * Opens sockets for the driver. Its own have no read timeout, and if none of several addresses answers, it tries them
 * forever.
 */
export function openSockets(settings: SocketSettings): Sockets {
  const { addresses, wanted, readServerState, tls, connectTimeoutSeconds, readTimeoutSeconds } = settings;
  const sockets = new Set<Socket>();
  /** Per server, the functions that drain its connections. */
  const drains = addresses.map(() => new Set<() => void>());
  const choice =
    wanted === null && addresses.length === 1
      ? null
      : selectServer({
          names: addresses.map(nameOf),
          wanted,
          ask: (index) => {
            const address = addresses[index] as Address;
            return readServerState(() => guarded(openOne(address), connectTimeoutSeconds), address);
          },
          onBetter: (better) => {
            for (const [index, ofServer] of drains.entries()) {
              if (index !== better) for (const drain of ofServer) drain();
            }
          },
        });

  async function open(): Promise<Duplex> {
    return guarded(choice === null ? openOne(addresses[0] as Address) : openChosen(choice), readTimeoutSeconds);
  }

  /** Adds the read timeout and the driver workaround; a failed connection becomes one that fails at its first write. */
  async function guarded(opening: Promise<Socket>, timeoutSeconds: number | null): Promise<Duplex> {
    const socket = await opening.catch((error) => failing(refusal(asError(error))));
    if (timeoutSeconds !== null) closeOnReadTimeout(socket, timeoutSeconds);
    isolateConnection(socket);
    return socket;
  }

  async function openChosen({ current, lost }: ServerSelection): Promise<Socket> {
    const index = await current();
    const socket = await openOne(addresses[index] as Address).catch((error: unknown) => {
      lost(index);
      throw error;
    });
    const ofServer = drains[index] as Set<() => void>;
    const drain = makeDrain(socket);
    ofServer.add(drain);
    socket.once("close", () => {
      ofServer.delete(drain);
      lost(index);
    });
    return socket;
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
      const encrypted = await Promise.race([lost, ready(socket, address)]);
      closeOnRefusedLogin(encrypted, nameOf(address), connectTimeoutSeconds);
      return encrypted;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async function ready(socket: Socket, address: Address): Promise<Socket> {
    await once(socket, "connect");
    // Like libpq, Unix sockets are never encrypted.
    return tls === null || "path" in address ? socket : encrypt(socket, address.host, tls);
  }

  return {
    open,
    closed: () => Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)))),
    destroy: () => {
      choice?.stop();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Gives an error a code of {@link isUnavailable}: certificate errors have codes of their own. */
function refusal(error: Error): Error {
  return isUnavailable(error) ? error : connectionError("CONNECT_REFUSED", error.message);
}

/** Makes a stream that fails with `reason` at the first write. */
function failing(reason: Error): Duplex {
  return new Duplex({ read() {}, write: (_bytes, _encoding, done) => done(reason) });
}

function nameOf(address: Address): string {
  return "path" in address ? address.path : `${address.host}:${address.port}`;
}
