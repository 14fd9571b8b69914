import type { Duplex } from "node:stream";
import { connectionError } from "./errors.ts";

const HEADER_BYTES = 5;

/**
 * Ends a new connection with the error that its server refuses it with. The driver takes what comes before a connection is
 * ready for the answer to a query of the connection before, if one was lost under it, and then connects again and again,
 * without a pause and without telling anybody; so it does where a connection is closed before it is ready, as by a proxy that
 * has no server. One that is frozen accepts connections and answers no login.
 * @param name of the server, for the error of one that takes longer than so many seconds
 */
export function endWhenRefused(socket: Duplex, name: string, seconds: number): void {
  const emit: (event: string | symbol, ...values: unknown[]) => boolean = socket.emit.bind(socket);
  let said = Buffer.alloc(0);
  let isReady = false;
  const late = `${name} accepts the connection, and no login is answered within ${seconds} s`;
  const timer = setTimeout(() => socket.destroy(connectionError("CONNECT_TIMEOUT", late)), seconds * 1000);
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => {
    if (!isReady) socket.destroy(connectionError("CONNECTION_CLOSED", `${name} accepts the connection, and closes it`));
  });
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (event !== "data" || isReady) return emit(event, ...values);
    said = Buffer.concat([said, values[0] as Buffer]);
    for (;;) {
      const length = said.length < HEADER_BYTES ? Number.POSITIVE_INFINITY : 1 + said.readUInt32BE(1);
      if (said.length < length) return emit(event, ...values);
      const [type, message] = [String.fromCharCode(said[0] ?? 0), said.subarray(HEADER_BYTES, length)];
      said = said.subarray(length);
      if (type === "E") {
        socket.destroy(errorOf(message));
        return true;
      }
      if (type === "Z") {
        isReady = true;
        clearTimeout(timer);
        return emit(event, ...values);
      }
    }
  };
}

/**
 * An ErrorResponse: fields, each a byte of type and a text that ends with a zero.
 * Source: PostgreSQL, "Frontend/Backend Protocol", Error and Notice Message Fields.
 */
function errorOf(message: Buffer): Error {
  const fields = new Map(
    message
      .toString("utf8")
      .split("\0")
      .filter((field) => field !== "")
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  const error = new Error(fields.get("M") ?? "the database refused the connection");
  return Object.assign(error, { code: fields.get("C") ?? "CONNECT_REFUSED", severity: fields.get("V") ?? "FATAL" });
}
