import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { asError } from "../canonical/as-error.ts";
import { type Choice, chooseServer } from "./choice.ts";
import { connectionError, isUnavailable } from "./errors.ts";
import { dropLeftovers } from "./leftovers.ts";
import { endWhenRefused } from "./refused-login.ts";
import { retirable } from "./retire.ts";
import type { Standing, Wanted } from "./roles.ts";
import { endWhenSilent } from "./silence.ts";
import { encrypt } from "./tls.ts";
import type { TlsSettings } from "./tls-settings.ts";

export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface SocketSettings {
  /** Servers of one database, in the order in which they are tried. */
  readonly addresses: readonly Address[];
  /** Which of them are connected to; null for the first that answers. */
  readonly wanted: Wanted | null;
  /** Asks what is at the other end of connections that `open` makes, in a time that is limited. */
  readonly askStanding: (open: () => Promise<Duplex>, address: Address) => Promise<Standing>;
  readonly tls: TlsSettings | null;
  /** For each address, and then for the login there. */
  readonly connectTimeoutSeconds: number;
  /** How long the server may owe an answer without a word; null for ever. */
  readonly silenceSeconds: number | null;
}

/** The connections of a pool. */
export interface Sockets {
  /** Connects to one of the servers. Never rejects: the driver would lose a place in its pool over it. */
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
export function openSockets(settings: SocketSettings): Sockets {
  const { addresses, wanted, askStanding, tls, connectTimeoutSeconds, silenceSeconds } = settings;
  const sockets = new Set<Socket>();
  /** Of each server, what ends the connections to it. */
  const retirements = addresses.map(() => new Set<() => void>());
  const choice =
    wanted === null && addresses.length === 1
      ? null
      : chooseServer({
          names: addresses.map(nameOf),
          wanted,
          ask: (index) => {
            const address = addresses[index] as Address;
            return askStanding(() => ended(openOne(address), connectTimeoutSeconds), address);
          },
          onBetter: (better) => {
            for (const [index, ofServer] of retirements.entries()) {
              if (index !== better) for (const retire of ofServer) retire();
            }
          },
        });

  async function open(): Promise<Duplex> {
    return ended(choice === null ? openOne(addresses[0] as Address) : openChosen(choice), silenceSeconds);
  }

  /** The connection with all that ends it, and that cannot be made, as one that is lost at once. */
  async function ended(opening: Promise<Socket>, silence: number | null): Promise<Duplex> {
    const socket = await opening.catch((error) => failing(refusal(asError(error))));
    if (silence !== null) endWhenSilent(socket, silence);
    dropLeftovers(socket);
    return socket;
  }

  async function openChosen({ current, lost }: Choice): Promise<Socket> {
    const index = await current();
    const socket = await openOne(addresses[index] as Address).catch((error: unknown) => {
      lost(index);
      throw error;
    });
    const ofServer = retirements[index] as Set<() => void>;
    const retire = retirable(socket);
    ofServer.add(retire);
    socket.once("close", () => {
      ofServer.delete(retire);
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
      endWhenRefused(encrypted, nameOf(address), connectTimeoutSeconds);
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
    // As with libpq, a socket of this machine is not encrypted.
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

/** The error by a code that says that there is no connection: a certificate that is not accepted has one of its own. */
function refusal(error: Error): Error {
  return isUnavailable(error) ? error : connectionError("CONNECT_REFUSED", error.message);
}

/** A connection that is lost as soon as something is written. */
function failing(reason: Error): Duplex {
  return new Duplex({ read() {}, write: (_bytes, _encoding, done) => done(reason) });
}

function nameOf(address: Address): string {
  return "path" in address ? address.path : `${address.host}:${address.port}`;
}
