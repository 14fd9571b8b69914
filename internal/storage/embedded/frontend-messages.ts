/** A frontend message of the PostgreSQL protocol: one type byte (none at startup), a length, a body. */
export interface FrontendMessage {
  /** `startup` for the untyped first one, else the type letter. */
  readonly type: string;
  readonly bytes: Buffer;
}

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;
// Our own request code, in PostgreSQL's scheme: 1234 in the high half, a number in the low one.
const IDENTITY_REQUEST = (1234 << 16) + 7101;
// PostgreSQL's own limits.
const LONGEST_STARTUP = 10_000;
const LONGEST_MESSAGE = (1 << 30) - 1;

/** Encodes a message. */
export function message(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Encodes the startup message for the engine's only user and database. */
export function startupMessage(): Buffer {
  const body = Buffer.from("user\0postgres\0database\0postgres\0\0");
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + head.length, 0);
  head.writeInt32BE(196608, 4);
  return Buffer.concat([head, body]);
}

/** Encodes a fatal ErrorResponse, after which the connection must be closed. */
export function fatalResponse(code: string, text: string): Buffer {
  return message("E", Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${text}\0\0`));
}

/** Encodes our own first message that asks for the {@link Identity} of the served database. */
export function identityRequest(): Buffer {
  const request = Buffer.alloc(8);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(IDENTITY_REQUEST, 4);
  return request;
}

/** Returns the kind of an untyped first message. */
export function startupKind(bytes: Buffer): "encryption" | "cancel" | "identity" | "startup" {
  const code = bytes.readInt32BE(4);
  if (code === SSL_REQUEST || code === GSS_REQUEST) return "encryption";
  if (code === IDENTITY_REQUEST) return "identity";
  return code === CANCEL_REQUEST ? "cancel" : "startup";
}

/** Returns the statement name of a Parse message; empty for the unnamed statement. */
export function parsedName(parse: Buffer): string {
  return parse.toString("latin1", 5, parse.indexOf(0, 5));
}

/** Encodes Close messages for prepared statements. */
export function closeStatements(names: Iterable<string>): Buffer {
  return Buffer.concat([...names].map((name) => message("C", Buffer.from(`S${name}\0`, "latin1"))));
}

/**
 * Splits chunks into messages. Chunks are joined only once a message is complete, so that the cost of a large one is
 * linear. After an invalid length `onBroken` is called, and nothing more is read.
 */
export function messageReader(
  onMessage: (message: FrontendMessage) => void,
  onBroken: () => void,
): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let size = 0;
  let needed = 8;
  let started = false;
  let broken = false;
  return (chunk) => {
    if (broken) return;
    chunks.push(chunk);
    size += chunk.length;
    if (size < needed) return;
    const buffer = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    let at = 0;
    for (;;) {
      const left = buffer.length - at;
      const head = started ? 5 : 8;
      if (left < head) {
        needed = head;
        break;
      }
      const length = started ? buffer.readInt32BE(at + 1) + 1 : buffer.readInt32BE(at);
      if (length < head || length > (started ? LONGEST_MESSAGE : LONGEST_STARTUP)) {
        broken = true;
        chunks = [];
        onBroken();
        return;
      }
      if (left < length) {
        needed = length;
        break;
      }
      const bytes = buffer.subarray(at, at + length);
      const type = started ? String.fromCharCode(bytes[0] ?? 0) : "startup";
      if (!started) started = startupKind(bytes) === "startup";
      at += length;
      onMessage({ type, bytes });
    }
    chunks = at < buffer.length ? [buffer.subarray(at)] : [];
    size = buffer.length - at;
  };
}
