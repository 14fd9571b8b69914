import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import { asError } from "../canonical/as-error.ts";
import { connectionError } from "./errors.ts";
import type { TlsSettings } from "./tls-settings.ts";

const VERIFYING: readonly TlsSettings["mode"][] = ["verify-ca", "verify-full"];
// Source: PostgreSQL, "Frontend/Backend Protocol", Message Formats: SSLRequest.
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Encrypts a connection that was just made.
 * @returns the connection as it is where the server has no TLS and `prefer` goes without
 * @throws Error where the server has none, or its certificate is refused, or a file cannot be read
 */
export async function encrypt(socket: Socket, host: string, settings: TlsSettings): Promise<Socket | TLSSocket> {
  const { mode, isDirect, versions } = settings;
  // Before the server is asked: what it says meanwhile would be heard by nobody.
  const files = await readFiles(settings);
  if (!isDirect) {
    socket.write(SSL_REQUEST);
    const [answer] = (await once(socket, "data")) as [Buffer];
    const said = answer.toString("latin1");
    if (said === "N" && mode === "prefer") return socket;
    // More than this one byte would be somebody else's, put before what is encrypted.
    if (said !== "S") {
      throw connectionError("CONNECT_REFUSED", `the server has no TLS, and the URL asks for it with sslmode=${mode}`);
    }
  }
  const encrypted = connect({
    socket,
    host,
    secureContext: contextOf({ ...versions, ...files }),
    ...(isIP(host) !== 0 ? {} : { servername: host }),
    ...(isDirect ? { ALPNProtocols: ["postgresql"] } : {}),
    rejectUnauthorized: VERIFYING.includes(mode),
    ...(mode === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
  });
  await once(encrypted, "secureConnect").catch((error: unknown) => {
    throw refusalOf(asError(error), settings);
  });
  return encrypted;
}

function contextOf(options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    const reason = `what sslrootcert, sslcert, sslkey and sslpassword name does not fit together: ${asError(error).message}`;
    throw connectionError("CONNECT_REFUSED", reason);
  }
}

/** Read for each connection, so that a certificate that is renewed is taken without a restart. */
async function readFiles({ rootCertificate, own }: TlsSettings): Promise<SecureContextOptions> {
  const [ca, cert, key] = await Promise.all([
    rootCertificate === null ? null : contentOf("sslrootcert", rootCertificate),
    own === null ? null : contentOf("sslcert", own.certificate),
    own === null ? null : contentOf("sslkey", own.key),
  ]);
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert === null || key === null ? {} : { cert, key }),
    ...(own === null || own.password === null ? {} : { passphrase: own.password }),
  };
}

async function contentOf(parameter: string, file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw connectionError("CONNECT_REFUSED", `the file of ${parameter}, ${file}, cannot be read (${error.code})`);
  });
}

/** A server that ends a connection says so by a code of its own; what is left is a certificate, of it or of ours. */
function refusalOf(error: Error, { rootCertificate }: TlsSettings): Error {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (/^E[A-Z]+$/.test(code)) return error;
  const isUnknown = /SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code);
  const cure = isUnknown && rootCertificate === null ? "; name the file of its authority with sslrootcert" : "";
  return connectionError("CONNECT_REFUSED", `the server's certificate is refused: ${error.message}${cure}`);
}
