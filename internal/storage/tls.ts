import { once } from "node:events";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";

/** How the URL wants a connection encrypted, in the driver's words. */
export interface TlsSettings {
  /** `require`, `allow` and `prefer` take any certificate; anything else, such as `verify-full`, a valid one for the host. */
  readonly mode: string | boolean | object;
  /** `direct` begins with TLS; else the server is asked first. */
  readonly negotiation: string | null;
}

const ANY_CERTIFICATE: readonly unknown[] = ["require", "allow", "prefer"];
// Source: PostgreSQL, "Frontend/Backend Protocol", Message Formats: SSLRequest.
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Encrypts a connection that was just made.
 * @returns the connection as it is where the server has no TLS and `prefer` goes without
 * @throws Error where the server has none, or its certificate is refused
 */
export async function encrypt(
  socket: Socket,
  host: string | null,
  { mode, negotiation }: TlsSettings,
): Promise<Socket | TLSSocket> {
  const isDirect = negotiation === "direct";
  if (!isDirect) {
    socket.write(SSL_REQUEST);
    const [answer] = (await once(socket, "data")) as [Buffer];
    const said = answer.toString("latin1");
    if (said === "N" && mode === "prefer") return socket;
    // More than this one byte would be somebody else's, put before what is encrypted.
    if (said !== "S") throw new Error(`the server has no TLS, and the URL asks for it with sslmode=${String(mode)}`);
  }
  const encrypted = connect({
    socket,
    ...(host === null ? {} : { host }),
    ...(host === null || isIP(host) !== 0 ? {} : { servername: host }),
    ...(isDirect ? { ALPNProtocols: ["postgresql"] } : {}),
    rejectUnauthorized: !ANY_CERTIFICATE.includes(mode),
    ...(typeof mode === "object" ? mode : {}),
  });
  await once(encrypted, "secureConnect");
  return encrypted;
}
