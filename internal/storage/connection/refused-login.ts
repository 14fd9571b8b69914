import type { Duplex } from "node:stream";
import { connectionError } from "./errors.ts";

const HEADER_BYTES = 5;

/**
 * Destroys a new connection with the server's error if the login is rejected, closed or not answered within `seconds`.
 * Left alone, the driver takes an error before ReadyForQuery for the reply to a query of the previous, lost connection,
 * and reconnects in a tight loop without reporting anything; likewise if a proxy without a server closes the
 * connection.
 * @param name of the server, for errors
 */
export function closeOnRefusedLogin(socket: Duplex, name: string, seconds: number): void {
  const emit: (event: string | symbol, ...values: unknown[]) => boolean = socket.emit.bind(socket);
  let received = Buffer.alloc(0);
  let isReady = false;
  const late = `${name} accepts the connection, but does not answer the login within ${seconds} s`;
  const timer = setTimeout(() => socket.destroy(connectionError("CONNECT_TIMEOUT", late)), seconds * 1000);
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", () => {
    if (!isReady)
      socket.destroy(
        connectionError(
          "CONNECTION_CLOSED",
          `${name} accepts the connection, but closes it before the login is complete`,
        ),
      );
  });
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (event !== "data" || isReady) return emit(event, ...values);
    received = Buffer.concat([received, values[0] as Buffer]);
    for (;;) {
      const length = received.length < HEADER_BYTES ? Number.POSITIVE_INFINITY : 1 + received.readUInt32BE(1);
      if (received.length < length) return emit(event, ...values);
      const [type, message] = [String.fromCharCode(received[0] ?? 0), received.subarray(HEADER_BYTES, length)];
      received = received.subarray(length);
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
 * Parses an ErrorResponse: fields of one type byte and a zero-terminated text.
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
