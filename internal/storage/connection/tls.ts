import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { isIP, type Socket } from "node:net";
import { connect, createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import { asError } from "../../lib/as-error.ts";
import { connectionError } from "./errors.ts";
import type { TlsSettings } from "./tls-settings.ts";

const VERIFYING: readonly TlsSettings["mode"][] = ["verify-ca", "verify-full"];
// Source: PostgreSQL, "Frontend/Backend Protocol", Message Formats: SSLRequest.
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Negotiates TLS on a new connection.
 * @returns the plain socket if the server has no TLS and the mode is `prefer`
 * @throws Error if the server has no TLS, its certificate is rejected, or a file cannot be read
 */
export async function encrypt(socket: Socket, host: string, settings: TlsSettings): Promise<Socket | TLSSocket> {
  const { mode, isDirect, versions } = settings;
  // Read before the request is sent: nothing listens for the reply while files are read.
  const files = await readFiles(settings);
  if (!isDirect) {
    socket.write(SSL_REQUEST);
    const [answer] = (await once(socket, "data")) as [Buffer];
    const reply = answer.toString("latin1");
    if (reply === "N" && mode === "prefer") return socket;
    // Bytes after this one could be injected by an attacker before the handshake (CVE-2021-23222).
    if (reply !== "S") {
      throw connectionError("CONNECT_REFUSED", `the server has no TLS, but the URL requires it with sslmode=${mode}`);
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
    const reason = `sslrootcert, sslcert, sslkey and sslpassword do not fit together: ${asError(error).message}`;
    throw connectionError("CONNECT_REFUSED", reason);
  }
}

/** Reads the files for each connection, so that a renewed certificate is used without a restart. */
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

/** Explains a failed handshake. Errors other than system errors (`ECONNRESET`, …) concern a certificate. */
function refusalOf(error: Error, { rootCertificate }: TlsSettings): Error {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (/^E[A-Z]+$/.test(code)) return error;
  const isUnknown = /SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(code);
  const cure = isUnknown && rootCertificate === null ? "; set sslrootcert to the file of its CA certificate" : "";
  return connectionError("CONNECT_REFUSED", `the server's certificate is rejected: ${error.message}${cure}`);
}
