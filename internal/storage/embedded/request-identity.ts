import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connectionError } from "../connection/errors.ts";
import { identityRequest } from "./frontend-messages.ts";
import type { Identity } from "./identity.ts";

/** An open connection to the process behind a socket. */
export interface IdentityConnection {
  readonly identity: Identity;
  /** Calls the listener once when that process has ended. */
  readonly onEnd: (listener: () => void) => void;
  readonly close: () => void;
}

/**
 * Asks the process behind a socket which database it serves, and keeps the connection open.
 * @throws Error if no process listens, or it does not answer in time
 */
export async function requestIdentity(path: string, timeoutMs: number): Promise<IdentityConnection> {
  const socket = connect({ path });
  const timer = setTimeout(
    () => socket.destroy(connectionError("ETIMEDOUT", `no answer within ${Math.ceil(timeoutMs / 1000)} s`)),
    timeoutMs,
  );
  try {
    await once(socket, "connect");
    socket.write(identityRequest());
    const identity = await firstLine(socket);
    socket.resume();
    socket.unref();
    return {
      identity,
      onEnd: (listener) => {
        if (socket.destroyed) listener();
        else socket.once("close", listener);
      },
      close: () => {
        socket.removeAllListeners("close");
        socket.destroy();
      },
    };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function firstLine(socket: Socket): Promise<Identity> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (data: Buffer): void => {
      text += data.toString();
      const end = text.indexOf("\n");
      if (end < 0) return;
      socket.off("data", onData);
      try {
        resolve(JSON.parse(text.slice(0, end)) as Identity);
      } catch {
        reject(new Error("the answer is not that of an embedded database"));
      }
    };
    socket.on("data", onData);
    // Kept after the reply, so that a later error is not uncaught.
    socket.on("error", reject);
    socket.once("close", () => reject(connectionError("CONNECTION_CLOSED", "the connection was closed")));
  });
}
