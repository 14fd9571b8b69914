import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connectionError } from "../errors.ts";
import { identityRequest } from "./frontend-messages.ts";
import type { Identity } from "./identity.ts";

/** Whom a socket led to. */
export interface Meeting {
  readonly identity: Identity;
  /** Is told once, when that process has ended. */
  readonly onEnd: (listener: () => void) => void;
  readonly leave: () => void;
}

/**
 * Asks the process that serves a socket which database it is.
 * @throws Error where nobody listens, or there is no answer in time
 */
export async function meet(path: string, patienceMs: number): Promise<Meeting> {
  const socket = connect({ path });
  const timer = setTimeout(
    () => socket.destroy(connectionError("ETIMEDOUT", `no answer within ${Math.ceil(patienceMs / 1000)} s`)),
    patienceMs,
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
      leave: () => {
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
        reject(new Error("the answer is none of an embedded database"));
      }
    };
    socket.on("data", onData);
    // Stays: what comes after the answer is the end.
    socket.on("error", reject);
    socket.once("close", () => reject(connectionError("CONNECTION_CLOSED", "the connection was closed")));
  });
}
